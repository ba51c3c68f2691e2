"""Clocks and counters: time of calls that take turns, and peak memory.

Every round calls each candidate once, in an order drawn anew. A ratio is the
median of the ratios within the rounds, so other work on the machine, which
slows a whole round, cancels.

On a GPU the time is that of the device, with the host running ahead as it
does in a network that keeps the card busy.
"""

import gc
import os
import platform
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from timeit import timeit

import numpy as np
import torch
from torch.autograd.profiler import profile

from mmseg_cube.utils.networks import choose_device

Call = Callable[[], object]

WARM_UP_ROUNDS = 3
# Clock cycles, about 5 ms, for which a GPU waits before a timed call, so that
# the host has queued the whole call when the clock starts.
HEAD_START = 10_000_000
# Above every level at which torch's profiler logs.
SILENT = '6'


@dataclass(frozen=True)
class Spread:
    """Median of a sample between its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, sample: Sequence[float]) -> 'Spread':
        """Summarise a sample of at least one value."""
        return cls(*map(float, np.percentile(sample, (25, 50, 75))))

    def __str__(self) -> str:
        return f'{self.median:.2f} ({self.low:.2f} - {self.high:.2f})'


def time_in_turns(
    calls: Mapping[str, Call], repeats: int, device: torch.device
) -> dict[str, list[float]]:
    """Seconds of every candidate, one value per round after the warm-up."""
    on_gpu = device.type == 'cuda'
    clock = _time_on_gpu if on_gpu else partial(timeit, number=1)
    draw, times = random.Random(0).sample, {name: [] for name in calls}
    for _ in range(WARM_UP_ROUNDS + repeats):
        for name in draw(list(calls), len(calls)):
            times[name].append(clock(calls[name]))
    return {name: sample[WARM_UP_ROUNDS:] for name, sample in times.items()}


def peak_memory(call: Call, device: torch.device) -> int:
    """Measure the bytes of tensors that a call needs at its peak.

    What was allocated when the call began does not count; call it once
    before, so that what stays allocated for good does not either. On the CPU
    the number is exact: the sum of all that torch's allocator gave and took.
    """
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    os.environ.setdefault('KINETO_LOG_LEVEL', SILENT)
    with profile(profile_memory=True) as record:
        call()
    held = [
        event.nbytes()
        for event in record.kineto_results.events()
        if event.name() == '[memory]'
    ]
    return int(np.cumsum([0, *held]).max())


def prepare(device: str | None, threads: int | None) -> torch.device:
    """Set torch up for a measurement; None leaves the choice to torch."""
    chosen = choose_device(device)
    if chosen.type not in ('cpu', 'cuda'):
        raise ValueError(f'there is no clock for {chosen}; measure on the cpu')
    if threads:
        torch.set_num_threads(threads)
    if chosen.type == 'cuda':
        torch.cuda.set_device(chosen)
        # As the configs of this project have it.
        torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    return chosen


def describe_machine(device: torch.device) -> dict[str, str | int | bool]:
    """Name what a measurement depends on besides the code."""
    facts = dict(torch=torch.__version__, python=platform.python_version())
    if device.type == 'cuda':
        name, cuda = torch.cuda.get_device_name(device), torch.version.cuda
        tf32 = torch.backends.cudnn.allow_tf32
        return facts | dict(device=name, cuda=cuda, tf32=tf32)
    cpuinfo = Path('/proc/cpuinfo')
    text = cpuinfo.read_text() if cpuinfo.is_file() else ''
    named = re.search(r'model name\s*: (.*)', text)
    name = named[1] if named else platform.processor()
    return facts | dict(device=name, threads=torch.get_num_threads())


def _time_on_gpu(call: Call) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    torch.cuda._sleep(HEAD_START)
    start.record()
    call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) * 1e-3  # from milliseconds
