"""The plain convolution that a Cube convolution without a mask equals."""

import torch
from torch import Tensor, nn

from mmseg_cube.ops import FEW_CHANNELS, cell_pads, fold_weight
from mmseg_cube.ops.geometry import own_padding

PAD_LAYERS = {
    'reflect': nn.ReflectionPad2d,
    'replicate': nn.ReplicationPad2d,
    'circular': nn.CircularPad2d,
}


@torch.no_grad()
def deploy_cube(
    layer: nn.Conv2d, plain: bool | None = None, few: int = FEW_CHANNELS
) -> nn.Module:
    """Layer that takes the place of a ``CubeConv2d`` after training.

    The order that its router has learned becomes a constant. Without a mask,
    the whole layer can become a plain convolution of the coarse grid:
    portable, but with 4/9 instead of 1/4 of the operations of the replaced
    convolution (for r = 2, q = 3), or all instead of 4/9 of them (q = 4).

    Args:
        layer: Layer, which gives up what it has learned.
        plain: Whether to become a plain convolution where possible; by
            default where the lattice has few channels, for only there was
            that measured to be faster.
        few: Channels of the lattice below which they are few; engines differ.

    Returns:
        The layer; or an ``nn.Conv2d``, behind a padding layer where the
        padding differs between sides (windows that are not centred).
    """
    layer.router = layer.router and layer.router.switch_to_deploy()
    order = layer.router and layer.router.permutation()
    if plain is None:
        plain = layer.scale == 1 or layer.in_channels // layer.scale**2 < few
    # A plain convolution of groups cannot read across them.
    across = order is not None and layer.groups > 1
    if not plain or across or layer.mask is not None:
        return layer
    return _plain_convolution(layer, order)


def _plain_convolution(layer: nn.Conv2d, order: Tensor | None) -> nn.Module:
    """Fold a Cube convolution into a plain one of the coarse grid."""
    pads, geometry = layer.split_padding()
    kernel = fold_weight(layer.weight, geometry)
    if order is not None:
        kernel = kernel.index_select(1, order.argsort())
    layers = []
    if pads is not None:
        pad = PAD_LAYERS[layer.padding_mode]
        layers.append(pad((*pads[1], *pads[0])))
    rows, columns = cell_pads(geometry)
    padding = own_padding((rows, columns))
    if padding is None:
        layers.append(nn.ZeroPad2d((*columns, *rows)))
        padding = (0, 0)
    channels = layer.in_channels, layer.out_channels
    sizes = tuple(kernel.shape[2:]), layer.stride, padding
    options = dict(groups=layer.groups, bias=layer.bias is not None)
    factory = dict(device=kernel.device, dtype=kernel.dtype)
    conv = nn.Conv2d(*channels, *sizes, **options, **factory)
    conv.weight.copy_(kernel)
    if layer.bias is not None:
        conv.bias.copy_(layer.bias)
    conv.cube_obstacle = 'folded for deployment'
    conv.train(layer.training)
    return nn.Sequential(*layers, conv) if layers else conv
