"""Memory that tensors let go of stays with the process."""

import contextlib
import ctypes

# Of malloc.h: blocks that come from the system each on its own, and how much
# free memory may be left at the end of the heap.
M_MMAP_MAX, M_TRIM_THRESHOLD = -4, -1
NONE, ANY = 0, -1


def keep_memory() -> None:
    """Let the C library keep what is free, to hand it out again.

    It gives large blocks back to the system, which clears each page of the
    next one. That is a third of a training step on a CPU, and half as long
    again as the step without it. Other libraries than glibc stay as they are.
    """
    # Absent from other libraries; Windows has no handle of this kind.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_MAX, NONE)
        mallopt(M_TRIM_THRESHOLD, ANY)
