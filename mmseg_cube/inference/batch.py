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
    """
    device, batch, least = network.device, 1, inf
    room = inf if memory is None else memory * 2**30
    if device.type == 'cuda':
        free, _ = torch.cuda.mem_get_info(device)
        room = min(room, free + peak_memory(device))
    while True:
        seconds = _time(network, (batch, *shape)) / batch
        if seconds > GAIN * least:
            return batch // 2
        if 2 * batch > most or 2 * peak_memory(device) > room:
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
