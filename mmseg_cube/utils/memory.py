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
    _call('mallopt', M_MMAP_MAX, NONE)
    _call('mallopt', M_TRIM_THRESHOLD, ANY)


def give_back_memory() -> None:
    """Give what is free and kept back to the system, for other work."""
    _call('malloc_trim', 0)


def _call(name: str, *args: int) -> None:
    """Call a function of glibc; on Windows the library has no such handle."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        getattr(ctypes.CDLL(None), name)(*args)
