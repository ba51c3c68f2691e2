"""Size of a network: parameters, operations and activations.

Operations are those of convolutions and matrix products in one forward pass,
two per multiplication and addition. Activations are the elements of their
outputs (Radosavovic et al., "Designing Network Design Spaces", CVPR 2020).
The parameters of auxiliary heads count, though only training runs them.

All of it is counted on the meta device, which computes nothing and takes
attention as the matrix products that it is made of.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_cube.utils.configs import without_weights
from mmseg_cube.utils.networks import to_eval

ATEN = torch.ops.aten
# Matrix products, and which argument is the left matrix.
LEFT = {ATEN.mm: 0, ATEN.bmm: 0, ATEN.addmm: 1, ATEN.baddbmm: 1}


@dataclass(frozen=True)
class Complexity:
    """Size of one network, or of a part of it, for one image."""

    parameters: int
    flops: int
    activations: int = 0

    def saved(self, baseline: 'Complexity', key: str) -> float:
        """Percent of an attribute that is saved against a baseline."""
        return 100 * (1 - getattr(self, key) / getattr(baseline, key))


def complexity(
    model_cfg: ConfigDict, size: int | tuple[int, int] = 512
) -> Complexity:
    """Count a whole segmentor; see :func:`complexity_by_module`."""
    return complexity_by_module(model_cfg, size)['']


def complexity_by_module(
    model_cfg: ConfigDict, size: int | tuple[int, int] = 512
) -> dict[str, Complexity]:
    """Count a segmentor and every module in it; nothing is computed.

    ``size`` is the side of the square input, or its height and width, in
    pixels. Sizes are those of :func:`count_modules`.
    """
    height, width = (size, size) if isinstance(size, int) else size
    model = MODELS.build(ConfigDict(without_weights(model_cfg)))
    model = to_eval(model.to('meta'))
    image = torch.empty(1, 3, height, width, device='meta')
    try:
        return count_modules(model, image, mode='tensor')
    except Exception as error:  # networks raise whatever they like
        cause = f'{type(error).__name__}: {error}'.rstrip('.')
        raise ValueError(
            f'no image of {height} x {width} passes through the network '
            f'({cause}). Try another size, such as a multiple of 32; networks '
            'that decide by the values of an image cannot be counted'
        ) from error


def count_modules(
    model: nn.Module, image: Tensor, **kwargs
) -> dict[str, Complexity]:
    """Count parameters, and the costs of one forward pass.

    The network is unusable afterwards. Sizes are by name of the module, what
    is in it included; outer modules first, ``''`` the whole network.
    """
    counter = _CostCounter(model)
    with torch.no_grad(), counter:
        model(image, **kwargs)
    for name, parameter in model.named_parameters():
        counter.own[name.rpartition('.')[0]][0] += parameter.numel()
    sums = {name: np.zeros_like(costs) for name, costs in counter.own.items()}
    for name, costs in counter.own.items():
        outer = name
        while outer:
            sums[outer] += costs
            outer = outer.rpartition('.')[0]
        sums[''] += costs
    return {name: Complexity(*map(int, costs)) for name, costs in sums.items()}


class _CostCounter(TorchDispatchMode):
    """Count what every module of a network costs, without those in it.

    Forward passes are wrapped rather than hooked: mmseg's segmentors call
    ``decode_head.forward``, which runs no hooks.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        # Parameters, operations and activations by name.
        self.own: dict[str, np.ndarray] = {}
        self.running: list[str] = []
        for name, module in model.named_modules():
            self.own[name] = np.zeros(3, dtype=np.int64)
            module.forward = self._note(name, module.forward)

    def _note(self, name: str, forward: Callable) -> Callable:
        """Note which module is running."""

        def noted(*args, **kwargs):
            self.running.append(name)
            out = forward(*args, **kwargs)
            self.running.pop()
            return out

        return noted

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run the operation and count it, if it is one of those."""
        out = func(*args, **(kwargs or {}))
        operation = func.overloadpacket
        if operation is ATEN.convolution:
            image, weight, transposed = args[0], args[1], args[6]
            pixels = (image if transposed else out).numel()
            products = pixels * weight[0].numel()
        elif operation in LEFT:
            products = out.numel() * args[LEFT[operation]].shape[-1]
        else:
            return out
        self.own[self.running[-1]] += (0, 2 * products, out.numel())
        return out
