"""What one forward pass costs, and which module spends it."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

# Convolutions, linear layers and other matrix products, as fvcore has them.
PRODUCTS = (
    torch.ops.aten.convolution,
    torch.ops.aten.mm,
    torch.ops.aten.addmm,
    torch.ops.aten.bmm,
    torch.ops.aten.baddbmm,
)


class ActivationCounterMode(TorchDispatchMode):
    """Count the output elements of convolutions and matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run the operation and count its output."""
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket in PRODUCTS:
            self.total += out.numel()
        return out


class _Ledger:
    """Books what is spent on the module whose forward pass runs.

    Forward passes are wrapped rather than hooked: mmseg's segmentors call
    ``decode_head.forward``, which runs no hooks.
    """

    def __init__(self, spent: Callable[[], np.ndarray]) -> None:
        self.spent = spent
        self.own: dict[str, np.ndarray] = {}
        self.inner = np.zeros_like(spent())  # by modules in the running one

    def open_account(self, name: str, module: nn.Module) -> None:
        """Book what a module spends, without what modules in it spend."""
        forward = module.forward
        self.own[name] = np.zeros_like(self.spent())

        def booked(*args, **kwargs):
            before, outside = self.spent(), self.inner
            self.inner = np.zeros_like(before)
            out = forward(*args, **kwargs)
            spent = self.spent() - before
            self.own[name] += spent - self.inner
            self.inner = outside + spent
            return out

        module.forward = booked


def count_modules(
    model: nn.Module, image: Tensor, **kwargs
) -> dict[str, tuple[int, int, int]]:
    """Count parameters, and the costs of one forward pass.

    Args:
        model: Any network; unusable afterwards.
        image: Its input.
        **kwargs: Other arguments of its forward pass.

    Returns:
        Parameters, operations and activations by name of the module, what
        is in it included; outer modules first, ``''`` the whole network.
    """
    flops = FlopCounterMode(display=False)
    activations = ActivationCounterMode()
    ledger = _Ledger(
        lambda: np.array((0, flops.get_total_flops(), activations.total))
    )
    for name, module in model.named_modules():
        ledger.open_account(name, module)
    # The inner mode comes first, and splits operations into those that the
    # outer one knows.
    with torch.no_grad(), activations, flops:
        model(image, **kwargs)
    for name, parameter in model.named_parameters():
        ledger.own[name.rpartition('.')[0]][0] += parameter.numel()
    return _add_up(ledger.own)


def _add_up(own: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Add to every module what belongs to the modules in it."""
    sums = {name: np.zeros_like(numbers) for name, numbers in own.items()}
    for name, numbers in own.items():
        sums[''] += numbers
        parts = name.split('.') if name else []
        for i in range(len(parts)):
            sums['.'.join(parts[: i + 1])] += numbers
    return {name: tuple(map(int, total)) for name, total in sums.items()}
