"""Size of a network: its parameters and operations.

Operations are those of convolutions and matrix products in one forward pass,
two per multiplication and addition. The parameters of auxiliary heads count,
though only training runs them.

All of it is counted on the meta device, which computes nothing and takes
attention as the matrix products that it is made of.
"""

from dataclasses import dataclass

import torch
from mmengine.config import Config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.utils.configs import without_weights
from mmseg_cube.utils.networks import build_network

# By what tables call a number, its attribute and unit.
UNITS = {'Params (M)': ('parameters', 1e6), 'FLOPs (G)': ('flops', 1e9)}


@dataclass(frozen=True)
class Complexity:
    """Size of one network, for one image."""

    parameters: int
    flops: int


# By the config of a network and the size of the image.
COUNTED: dict[tuple, Complexity] = {}


def count_network(
    cfg: Config, size: int | tuple[int, int] = 512
) -> Complexity:
    """Count the parameters of a segmentor, and one forward pass.

    ``size`` is the side of the square input, or its height and width, in
    pixels. The result is the same object for equal networks, whatever their
    weights and how images come to them: they are counted once.
    """
    height, width = (size, size) if isinstance(size, int) else size
    model = without_weights(cfg.model)
    for around in ('data_preprocessor', 'train_cfg', 'test_cfg'):
        model.pop(around, None)
    key = repr(model), height, width
    if key not in COUNTED:
        COUNTED[key] = _count(cfg, height, width)
    return COUNTED[key]


def _count(cfg: Config, height: int, width: int) -> Complexity:
    model = build_network(cfg).to('meta')
    convs = (x for x in model.modules() if isinstance(x, nn.Conv2d))
    shape = 1, next(convs).in_channels, height, width
    image = torch.empty(shape, device='meta')
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            model(image, mode='tensor')
    except Exception as error:  # networks raise whatever they like
        cause = f'{type(error).__name__}: {error}'.rstrip('.')
        raise ValueError(
            f'{cfg.filename}: no image of {height} x {width} passes through '
            f'the network ({cause}). Try another size, such as a multiple of '
            '32; networks that decide by the values of an image cannot be '
            'counted'
        ) from error
    parameters = sum(p.numel() for p in model.parameters())
    return Complexity(parameters, counter.get_total_flops())
