"""Which convolutions a Cube convolution can stand in for.

It has to read every input channel, and whole cells of them.
"""

from collections.abc import Sequence
from math import gcd

from mmseg_cube.ops.geometry import Geometry, least_size, window_step


class CubeRuleError(ValueError):
    """A convolution that the Cube operator cannot stand in for.

    The reason is the rule in words that follow a number of convolutions, such
    as 'grouped'.
    """

    def __init__(self, rule: str, reason: str = 'refused') -> None:
        super().__init__(rule)
        self.reason = reason


def find_obstacle(
    in_channels: int,
    out_channels: int,
    geometry: Geometry,
    may_grow: bool = True,
) -> CubeRuleError | None:
    """Find the rule that a convolution breaks; None if it keeps them all.

    The geometry is that of the Cube convolution in its place; ``may_grow``
    says whether a kernel without neighbours may get some.
    """
    groups, scale, cell = geometry.groups, geometry.scale, geometry.scale**2
    kernel, taps = geometry.kernel_size, geometry.taps
    if not may_grow and scale > 1 and min(kernel) == 1:
        return CubeRuleError(
            f'a kernel of {kernel} has no neighbours to mix, so that one of '
            f'{taps} on the lattice would do more than it',
            describe_kernel(kernel),
        )
    # One pixel wide it would mix no channels with each other.
    least = max(window_step(geometry), min(scale, 2))
    if min(taps) < least:
        return CubeRuleError(
            f'the lattice kernel must be at least {least} wide for '
            f'scale={scale} so that it reads every channel, but got {taps}',
            describe_kernel(kernel),
        )
    if groups != 1 and (groups < 1 or in_channels % (groups * cell)):
        return CubeRuleError(
            f'in_channels / groups must be divisible by scale^2 = {cell} so '
            f'that no group splits a cell, but got in_channels={in_channels}, '
            f'groups={groups}',
            'grouped',
        )
    if in_channels % cell:
        return CubeRuleError(
            f'in_channels must be divisible by scale^2 = {cell} so that '
            f'channels fill whole lattice cells, but got {in_channels}; '
            f'the nearest that fits is {-(-in_channels // cell) * cell}',
            f'with {in_channels} channels',
        )
    shared = geometry.sites**2
    if out_channels % (groups * shared):
        rule = f'out_channels must be divisible by groups={groups}'
        if shared > 1:
            rule = (
                'out_channels / groups must be divisible by the '
                f'{shared} windows of a cell, with groups={groups}'
            )
        grouped = 'grouped' if groups > 1 else f'with {out_channels} outputs'
        return CubeRuleError(f'{rule}, but got {out_channels}', grouped)
    if any(gcd(d, scale) != 1 for d in geometry.dilation):
        return CubeRuleError(
            f'dilation must share no factor with scale={scale}, or whole '
            f'channels are never read, but got {geometry.dilation}',
            'dilated',
        )
    return None


def check_cube_rules(*args, **kwargs) -> None:
    """Raise what :func:`find_obstacle` finds."""
    obstacle = find_obstacle(*args, **kwargs)
    if obstacle is not None:
        raise obstacle


def check_input(
    shape: Sequence[int], channels: int, geometry: Geometry, mode: str
) -> None:
    """Raise a ``ValueError`` if a layer cannot take an input."""
    height = least_size(geometry, 0, mode)
    width = least_size(geometry, 1, mode)
    known = len(shape) in (3, 4) and shape[-3] == channels
    if not known or shape[-2] < height or shape[-1] < width:
        raise ValueError(
            f'a CubeConv2d of {channels} channels got an input of shape '
            f'{tuple(shape)}, not (N, {channels}, H, W) with H >= {height} '
            f'and W >= {width}, for {geometry} padded by {mode!r}'
        )


def describe_kernel(kernel_size: tuple[int, int]) -> str:
    """Kernel of a convolution as a reason."""
    return 'of {} x {}'.format(*kernel_size)
