"""Which convolutions a Cube convolution can stand in for.

It has to read every input channel, and whole cells of them.
"""

from math import gcd

from mmseg_cube.ops.geometry import Geometry


class CubeRuleError(ValueError):
    """A convolution that the Cube operator cannot stand in for.

    Args:
        rule: The rule, the value and the next step.
        reason: The same in words that follow a number of convolutions, such
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

    Args:
        in_channels: Its input channels, C.
        out_channels: Its output channels, D.
        geometry: Geometry of the Cube convolution in its place.
        may_grow: Whether a kernel without neighbours may get some.
    """
    groups, scale, cell = geometry.groups, geometry.scale, geometry.scale**2
    kernel, taps = geometry.kernel_size, geometry.taps
    reason = rule = None
    if not may_grow and scale > 1 and min(kernel) == 1:
        reason = describe_kernel(kernel)
        rule = (
            f'a kernel of {kernel} has no neighbours to mix, so that one of '
            f'{taps} on the lattice would do more than it'
        )
    elif min(taps) < scale:
        reason = describe_kernel(kernel)
        rule = (
            f'the lattice kernel must be at least scale={scale} wide so '
            f'that it reads every channel, but got {taps}'
        )
    elif groups != 1 and (groups < 1 or in_channels % (groups * cell)):
        reason = 'grouped'
        rule = (
            f'in_channels / groups must be divisible by scale^2 = {cell} so '
            'that no group splits a cell, but got '
            f'in_channels={in_channels}, groups={groups}'
        )
    elif in_channels % cell:
        reason = f'with {in_channels} channels'
        rule = (
            f'in_channels must be divisible by scale^2 = {cell} so that '
            f'channels fill whole lattice cells, but got {in_channels}; '
            f'the nearest that fits is {-(-in_channels // cell) * cell}'
        )
    elif out_channels % groups:
        reason = 'grouped'
        rule = (
            f'out_channels must be divisible by groups={groups}, '
            f'but got {out_channels}'
        )
    elif any(gcd(d, scale) != 1 for d in geometry.dilation):
        reason = 'dilated'
        rule = (
            f'dilation must share no factor with scale={scale}, or whole '
            f'channels are never read, but got {geometry.dilation}'
        )
    return CubeRuleError(rule, reason) if reason else None


def check_cube_rules(*args, **kwargs) -> None:
    """Raise what :func:`find_obstacle` finds."""
    obstacle = find_obstacle(*args, **kwargs)
    if obstacle is not None:
        raise obstacle


def describe_kernel(kernel_size: tuple[int, int]) -> str:
    """Kernel of a convolution as a reason."""
    return 'of {} x {}'.format(*kernel_size)
