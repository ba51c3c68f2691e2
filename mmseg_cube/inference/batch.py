"""How many windows pass through the network at a time, and its memory."""

import sys
import time
from math import inf

import numpy as np
import torch

from mmseg_cube.inference.network import BuildingNetwork

GAIN = 0.95  # of the time of a window, at most, is worth a larger batch


def choose_batch(
    network: BuildingNetwork,
    shape: tuple[int, int, int],
    most: int,
    memory: float | None = None,
) -> int:
    """Double a batch until the time of a window stops falling.

    Args:
        network: What windows are shown to.
        shape: Channels, height and width of a window.
        most: The largest batch of use, as many as a row has.
        memory: GiB that this process may take, of the GPU if the network is
            there, else of the computer. A batch is doubled only while twice
            of what was taken so far fits in, and into what a GPU has free.

    Raises:
        ValueError: If one window takes more memory than that.
    """
    device, batch, least = network.device, 1, inf
    room = inf if memory is None else memory
    if device.type == 'cuda':
        free, _ = torch.cuda.mem_get_info(device)
        room = min(room, free / 2**30 + peak_memory(device))
    while True:
        seconds = _time(network, (batch, *shape)) / batch
        taken = peak_memory(device) / 2**30
        if memory is not None and batch == 1 and taken > memory:
            raise ValueError(
                f'--memory {memory:g} GiB is not enough, for one window of '
                f'{shape[2]} x {shape[1]} pixels takes {taken:.2f} GiB. Name '
                'more, or a smaller --size'
            )
        if seconds > GAIN * least:
            return batch // 2
        if 2 * batch > most or 2 * taken > room:
            return batch
        batch, least = 2 * batch, seconds


def peak_memory(device: torch.device | None = None) -> int:
    """Return the most bytes that this process had; 0 where it is not known.

    Of a GPU what torch has reserved there.
    """
    if device and device.type == 'cuda':
        return torch.cuda.max_memory_reserved(device)
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == 'darwin' else 2**10
    return getrusage(RUSAGE_SELF).ru_maxrss * unit


def _time(network: BuildingNetwork, shape: tuple[int, ...]) -> float:
    """Return the seconds of the second time, when all is prepared."""
    windows = np.zeros(shape, np.uint8)
    for _ in range(2):
        start = time.perf_counter()
        network(windows).cpu()  # waits for the GPU
    return time.perf_counter() - start
