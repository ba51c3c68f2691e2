"""Autocast for operators that autograd does not see through."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def autocast_dtype(device_type: str) -> torch.dtype | None:
    """Type that autocast uses on a device, or None where it is off."""
    if device_type == 'meta':
        return None
    if hasattr(torch, 'get_autocast_dtype'):  # torch 2.4
        if torch.is_autocast_enabled(device_type):
            return torch.get_autocast_dtype(device_type)
        return None
    if device_type == 'cpu':
        on, dtype = torch.is_autocast_cpu_enabled, torch.get_autocast_cpu_dtype
    else:
        on, dtype = torch.is_autocast_enabled, torch.get_autocast_gpu_dtype
    return dtype() if on() else None


def cast_for_autocast(
    tensors: tuple[Tensor | None, ...],
) -> tuple[tuple[Tensor | None, ...], AbstractContextManager]:
    """Cast as autocast does in front of a convolution.

    Args:
        tensors: Input, weight and bias; the input names the device.

    Returns:
        The same tensors in the type of autocast, but for those of float64,
        which autocast leaves alone, and a context without autocast.
    """
    device = tensors[0].device.type
    dtype = autocast_dtype(device)
    if dtype is None:
        return tensors, nullcontext()
    cast = tuple(
        t if t is None or t.dtype == torch.float64 else t.to(dtype)
        for t in tensors
    )
    return cast, torch.autocast(device, enabled=False)
