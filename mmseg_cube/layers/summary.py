"""What a network has of the Cube Kernel, and why not more."""

from collections import Counter

from mmcv.cnn import Conv2d as WrappedConv2d
from mmengine.model import is_model_wrapper
from torch import nn

from mmseg_cube.layers.channel_router import ChannelRouter
from mmseg_cube.layers.cube_conv2d import CubeConv2d
from mmseg_cube.ops import rules
from mmseg_cube.ops.geometry import make_geometry

# Of other subclasses it is not known that they convolve with their weight.
PLAIN = (nn.Conv2d, WrappedConv2d)
# Reasons follow a number: "9 of 1 x 1, 2 grouped, 1 with 3 channels".
ALREADY = 'Cube already'
OTHER_KIND = 'of another kind'
NOT_CHOSEN = 'not chosen'


def find_obstacle(
    conv: nn.Conv2d,
    scale: int = 2,
    lattice_kernel_size: int | tuple[int, int] | None = None,
    lattice_stride: int | None = None,
    **others,
) -> str | None:
    """Why no :class:`CubeConv2d` with these options can stand in for ``conv``.

    The reason is in words that follow a number; None if there is none.
    """
    lattice = lattice_kernel_size, conv.dilation, scale
    windows = dict(lattice_stride=lattice_stride, groups=conv.groups)
    geometry = make_geometry(conv.kernel_size, *lattice, **windows)
    if isinstance(conv, CubeConv2d):
        return ALREADY
    if type(conv) not in PLAIN or 'weight' not in conv._parameters:
        return OTHER_KIND
    channels = conv.in_channels, conv.out_channels
    obstacle = rules.find_obstacle(*channels, geometry, may_grow=False)
    return obstacle and obstacle.reason


def describe_kept(kept: Counter) -> str:
    """Counts of plain convolutions by reason, most frequent first."""
    return ', '.join(f'{n} {reason}' for reason, n in kept.most_common())


def summarise(model: nn.Module) -> str:
    """Say in one line which convolutions of a network are Cubes.

    Layers that ``conv_cfg`` or ``CubeBackbone`` had to leave as they are know
    the reason. Others could have been replaced, or it is found here why not.

    Examples:
        >>> summarise(model)
        'Cube kernels: 8 of 11 convolutions; the others: 2 of 1 x 1, 1 grouped'
    """
    cubes, kept = 0, Counter()
    for module in model.modules():
        if isinstance(module, CubeConv2d):
            cubes += 1
        elif isinstance(module, nn.Conv2d):
            reason = getattr(module, 'cube_obstacle', None)
            kept[reason or find_obstacle(module) or NOT_CHOSEN] += 1
        elif isinstance(module, nn.ConvTranspose2d):
            kept['transposed'] += 1
    number = cubes + kept.total()
    plural = '' if number == 1 else 's'
    text = f'Cube kernels: {cubes} of {number} convolution{plural}'
    return f'{text}; the others: {describe_kept(kept)}' if kept else text


def learned_routers(model: nn.Module) -> dict[str, ChannelRouter]:
    """Routers that learn, by name in a network or in what a wrapper holds."""
    model = model.module if is_model_wrapper(model) else model
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, ChannelRouter) and module.learns
    }


def layer_name(router: str) -> str:
    """Name of the layer that a router, given by its name, belongs to."""
    return router.removesuffix('.router').removesuffix('.conv') or 'router'
