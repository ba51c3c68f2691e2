"""What one forward pass costs, and which module spends it."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, flop_registry

# Convolutions, linear layers and other matrix products, as fvcore has them.
PRODUCTS = (
    torch.ops.aten.convolution,
    torch.ops.aten.mm,
    torch.ops.aten.addmm,
    torch.ops.aten.bmm,
    torch.ops.aten.baddbmm,
)


class _Costs:
    """Operations, as torch counts them, and the elements they put out."""

    def __init__(self) -> None:
        self.activations = 0
        counts = {product: self._counting(product) for product in PRODUCTS}
        self.mode = FlopCounterMode(display=False, custom_mapping=counts)

    def _counting(self, product: Callable) -> Callable[..., int]:
        count_flops = flop_registry[product]

        def count(*shapes, out_shape, **kwargs):
            self.activations += math.prod(out_shape)
            return count_flops(*shapes, out_val=out_shape, **kwargs)

        return count

    def spent(self) -> np.ndarray:
        """Parameters (none), operations and activations so far."""
        return np.array((0, self.mode.get_total_flops(), self.activations))


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
    costs = _Costs()
    ledger = _Ledger(costs.spent)
    for name, module in model.named_modules():
        ledger.open_account(name, module)
    with torch.no_grad(), costs.mode:
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
