"""Places in which the runs of an ablation compute, one run each."""

import os
from collections.abc import Sequence

import torch

Place = dict[str, str]  # environment variables of a process
CPU = 'cpu'


def make_places(devices: Sequence[str] | None = None) -> list[Place]:
    """List the places for runs at once.

    Args:
        devices: Such as ``['cuda:0', 'cuda:1']``, or ``['cpu', 'cpu']`` for
            two that share the cores. None takes all GPUs, else the CPU.

    Raises:
        ValueError: If there is no such device.
    """
    gpus = _find_gpus()
    devices = devices or list(gpus) or [CPU]
    for name in devices:
        if name != CPU and name not in gpus:
            raise ValueError(
                f'--devices {name}: there is no such device; there are '
                + ', '.join([*gpus, CPU])
            )
    threads = len(os.sched_getaffinity(0)) // max(devices.count(CPU), 1)
    on_cpu = dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS=str(threads or 1))
    return [gpus.get(name, on_cpu) for name in devices]


def _find_gpus() -> dict[str, Place]:
    """Places by the names that torch has for the GPUs of this process."""
    if not torch.cuda.is_available():
        return {}
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    numbers = (
        visible.split(',') if visible else range(torch.cuda.device_count())
    )
    return {
        f'cuda:{i}': dict(CUDA_VISIBLE_DEVICES=str(number).strip())
        for i, number in enumerate(numbers)
    }
