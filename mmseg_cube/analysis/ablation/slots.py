"""Places in which the runs of an ablation compute, one run each."""

import os
from collections.abc import Sequence

import torch

CPU = 'cpu'


def make_slots(
    devices: Sequence[str] | None, processes: int | None
) -> list[dict[str, str]]:
    """List the places for runs at once, by their environment variables.

    Args:
        devices: Numbers of GPUs, or ``['cpu']``; by default all GPUs that
            are visible, or the CPU if there are none.
        processes: Runs at once on the CPU, 1 by default. They share its
            cores evenly.

    Raises:
        ValueError: If there are no GPUs, one is named twice or beside the
            CPU, or several processes are wanted for each.
    """
    if devices is None:
        devices = visible_gpus() or [CPU]
    named = ' '.join(devices)
    if len(set(devices)) < len(devices):
        raise ValueError(f'--devices {named}: each of them takes one run')
    if CPU not in devices:
        return _on_gpus(devices, processes)
    if len(devices) > 1:
        raise ValueError(f'--devices {named}: name GPUs or cpu, not both')
    processes = processes or 1
    threads = max(len(os.sched_getaffinity(0)) // processes, 1)
    slot = dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS=str(threads))
    return [slot] * processes


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use."""
    if not torch.cuda.is_available():
        return []
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    if named is not None:
        return [name.strip() for name in named.split(',')]
    return [str(i) for i in range(torch.cuda.device_count())]


def _on_gpus(
    devices: Sequence[str], processes: int | None
) -> list[dict[str, str]]:
    if not torch.cuda.is_available():
        raise ValueError(
            f'--devices {" ".join(devices)}: no CUDA device is available; '
            'leave it out to train on the CPU'
        )
    if processes is not None:
        raise ValueError(
            f'--processes {processes}: this is for the CPU; a GPU takes one '
            'run at once'
        )
    return [dict(CUDA_VISIBLE_DEVICES=device) for device in devices]
