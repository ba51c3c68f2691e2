"""The plain convolution that a Cube convolution without a mask equals."""

import torch
from torch import Tensor, nn

from mmseg_cube.ops import FEW_CHANNELS, cell_pads, fold_weight
from mmseg_cube.ops.geometry import folding_saves

PAD_LAYERS = {
    'reflect': nn.ReflectionPad2d,
    'replicate': nn.ReplicationPad2d,
    'circular': nn.CircularPad2d,
}


def is_better_plain(layer: nn.Conv2d) -> bool:
    """Whether a ``CubeConv2d`` without a mask is better deployed plain.

    It is where that has fewer operations than the convolution that the layer
    stands in for, and where the lattice has few channels.
    """
    few = layer.in_channels // layer.scale**2 < FEW_CHANNELS
    return few or layer.scale == 1 or folding_saves(layer.geometry)


@torch.no_grad()
def plain_convolution(layer: nn.Conv2d, order: Tensor | None) -> nn.Module:
    """Fold a Cube convolution into a plain one of the coarse grid.

    Args:
        layer: A ``CubeConv2d`` without a mask.
        order: Order of its input channels, of shape (C,), or None.

    Returns:
        An ``nn.Conv2d``, behind a padding layer where the padding differs
        between sides, as it does for windows that are not centred.
    """
    pads, geometry = layer.split_padding()
    kernel = fold_weight(layer.weight, geometry)
    if order is not None:
        kernel = kernel.index_select(1, order.argsort())
    layers = []
    if pads is not None:
        pad = PAD_LAYERS[layer.padding_mode]
        layers.append(pad((*pads[1], *pads[0])))
    rows, columns = (cell_pads(geometry, axis) for axis in (0, 1))
    padding = (rows[0], columns[0])
    if rows[0] != rows[1] or columns[0] != columns[1] or min(padding) < 0:
        layers.append(nn.ZeroPad2d((*columns, *rows)))
        padding = (0, 0)
    conv = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        tuple(kernel.shape[2:]),
        layer.stride,
        padding,
        groups=layer.groups,
        bias=layer.bias is not None,
        device=kernel.device,
        dtype=kernel.dtype,
    )
    conv.weight.copy_(kernel)
    if layer.bias is not None:
        conv.bias.copy_(layer.bias)
    conv.cube_obstacle = 'folded for deployment'
    conv.train(layer.training)
    return nn.Sequential(*layers, conv) if layers else conv
