"""What goes on around an operator: autocast, compilers and exporters."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor
from torch.autograd import forward_ad

# torch 2.1 has it under another name.
is_compiling = getattr(
    torch.compiler, 'is_compiling', torch._dynamo.is_compiling
)
# And no such question: exporters go with compilers there.
is_exporting = getattr(torch.compiler, 'is_exporting', lambda: False)


def is_traced() -> bool:
    """Whether a tracer, a compiler or a transform follows the operations.

    They cannot look into autograd functions, and fuse by themselves.
    """
    return torch.jit.is_tracing() or is_compiling() or is_transformed()


def is_transformed() -> bool:
    """Whether torch.func (``vmap``, ``grad``, ...) or forward mode is on."""
    if forward_ad._current_level >= 0:
        return True
    return torch._C._are_functorch_transforms_active()


@contextmanager
def untraced() -> Iterator[None]:
    """Within ``torch.jit.trace``: what is found here becomes a constant."""
    state = torch._C._get_tracing_state()
    torch._C._set_tracing_state(None)
    try:
        yield
    finally:
        torch._C._set_tracing_state(state)


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
    """Cast an input, weights and biases as autocast does for a convolution.

    With them comes a context without autocast, for functions into which
    autograd does not see.
    """
    device = tensors[0].device.type
    dtype = autocast_dtype(device)
    if dtype is None:
        return tensors, nullcontext()
    # Autocast leaves float64 alone, and what is not floating point.
    kinds = torch.float32, torch.float16, torch.bfloat16
    cast = tuple(
        t if t is None or t.dtype not in kinds else t.to(dtype)
        for t in tensors
    )
    return cast, torch.autocast(device, enabled=False)
