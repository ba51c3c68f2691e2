"""Size of a network: its parameters and operations.

Operations are those of convolutions and matrix products in one forward pass,
two per multiplication and addition. The parameters of auxiliary heads count,
though only training runs them.

All of it is counted on the meta device, which computes nothing and takes
attention as the matrix products that it is made of.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.utils.configs import without_weights
from mmseg_cube.utils.networks import build_network


@dataclass(frozen=True)
class Complexity:
    """Size of one network, or of a part of it, for one image."""

    parameters: int
    flops: int

    def saved(self, baseline: 'Complexity', key: str) -> float:
        """Percent of an attribute that is saved against a baseline."""
        return 100 * (1 - getattr(self, key) / getattr(baseline, key))


class ConfigCounter:
    """Counts the networks of configs; those that are the same only once."""

    def __init__(self) -> None:
        self.counted: dict[tuple, dict[str, Complexity]] = {}

    def __call__(
        self, cfg: Config, size: int | tuple[int, int] = 512
    ) -> dict[str, Complexity]:
        """Count a segmentor as :func:`count_modules` does.

        ``size`` is the side of the square input, or its height and width, in
        pixels. The result is the same dict for configs whose networks differ
        in nothing but their weights.
        """
        height, width = (size, size) if isinstance(size, int) else size
        key = repr(without_weights(cfg.model)), height, width
        if key not in self.counted:
            model = build_network(cfg).to('meta')
            image = torch.empty(1, 3, height, width, device='meta')
            try:
                self.counted[key] = count_modules(model, image, mode='tensor')
            except Exception as error:  # networks raise whatever they like
                cause = f'{type(error).__name__}: {error}'.rstrip('.')
                raise ValueError(
                    f'{cfg.filename}: no image of {height} x {width} passes '
                    f'through the network ({cause}). Try another size, such '
                    'as a multiple of 32; networks that decide by the values '
                    'of an image cannot be counted'
                ) from error
        return self.counted[key]


def count_modules(
    model: nn.Module, image: Tensor, **kwargs
) -> dict[str, Complexity]:
    """Count parameters, and the operations of one forward pass.

    The network is unusable afterwards. Sizes are by name of the module, what
    is in it included; outer modules first, ``''`` the whole network.
    """
    modules = dict(model.named_modules())
    counter, own, running = FlopCounterMode(display=False), Counter(), [None]

    # Forward passes are wrapped rather than hooked: mmseg's segmentors call
    # ``decode_head.forward``, which runs no hooks.
    def note(name: str, forward: Callable) -> Callable:
        """Note what a module costs, and that its caller does not."""

        def noted(*args, **kwargs):
            before = counter.get_total_flops()
            running.append(name)
            out = forward(*args, **kwargs)
            running.pop()
            spent = counter.get_total_flops() - before
            own[name] += spent
            own[running[-1]] -= spent
            return out

        return noted

    for name, module in modules.items():
        module.forward = note(name, module.forward)
    with torch.no_grad(), counter:
        model(image, **kwargs)
    flops = Counter()
    for name in modules:
        spent, outer = own[name], name
        while outer:
            flops[outer] += spent
            outer = outer.rpartition('.')[0]
        flops[''] += spent
    return {
        name: Complexity(sum(p.numel() for p in x.parameters()), flops[name])
        for name, x in modules.items()
    }
