"""Window geometry of a convolution that runs on the finer lattice.

This project. A Cube convolution stands in for an ``nn.Conv2d`` with kernel
``k``, dilation ``d``, stride ``s`` and padding ``p`` on the coarse grid, and
must give the same output size. Each of its windows is therefore centred on
the window of the convolution that it replaces. In lattice pixels, per axis::

    coarse window  r * (d * (k - 1) + 1)   starting at r * (s * u - p)
    cube window    d * (q - 1) + 1         starting ``lead`` pixels later

for output ``u``, lattice scale ``r`` and lattice kernel ``q``. When the two
lengths differ by an odd number the window cannot be centred: it leans half a
lattice pixel to one side, and ``phase`` says to which.
"""

from math import gcd

PHASES = ('up_left', 'down_right')


class CubeRuleError(ValueError):
    """A convolution that the Cube operator cannot stand in for."""


def output_size(
    size: int, kernel: int, stride: int, pads: tuple[int, int], dilation: int
) -> int:
    """Output size of the replaced convolution along one axis, in cells."""
    return (size + sum(pads) - dilation * (kernel - 1) - 1) // stride + 1


def lattice_pads(
    size: int,
    kernel: int,
    lattice_kernel: int,
    stride: int,
    pads: tuple[int, int],
    dilation: int,
    scale: int,
    phase: str,
) -> tuple[int, int]:
    """Padding of the lattice along one axis.

    Args:
        size: Cells of the coarse grid.
        kernel: Kernel of the replaced convolution, in cells.
        lattice_kernel: Kernel on the lattice, in lattice pixels.
        stride: Stride in cells.
        pads: Padding before and after the coarse grid, in cells.
        dilation: Spacing of the taps, on either grid.
        scale: Lattice pixels per cell.
        phase: ``'up_left'`` or ``'down_right'``.

    Returns:
        Lattice pixels to add before and after; negative ones are cut off.
    """
    reach = dilation * (lattice_kernel - 1) + 1
    slack = scale * (dilation * (kernel - 1) + 1) - reach
    lead = slack // 2 if phase == 'up_left' else -(-slack // 2)
    before = scale * pads[0] - lead
    outputs = output_size(size, kernel, stride, pads, dilation)
    needed = (outputs - 1) * scale * stride + reach
    return before, needed - before - scale * size


def check_cube_rules(
    in_channels: int,
    out_channels: int,
    lattice_kernel: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
    scale: int,
) -> None:
    """Check that every input channel is read, and whole cells are.

    Raises:
        CubeRuleError: Naming the rule, the value and the next step.
    """
    cell = scale * scale
    if in_channels % cell:
        raise CubeRuleError(
            f'in_channels must be divisible by scale^2 = {cell} so that '
            f'channels fill whole lattice cells, but got {in_channels}; '
            f'the nearest that fits is {-(-in_channels // cell) * cell}'
        )
    if groups < 1 or in_channels % (groups * cell):
        raise CubeRuleError(
            'in_channels / groups must be divisible by scale^2 = '
            f'{cell} so that no group splits a cell, but got '
            f'in_channels={in_channels}, groups={groups}'
        )
    if out_channels % groups:
        raise CubeRuleError(
            f'out_channels must be divisible by groups={groups}, '
            f'but got {out_channels}'
        )
    if min(lattice_kernel) < scale:
        raise CubeRuleError(
            f'the lattice kernel must be at least scale={scale} wide so '
            f'that it reads every channel, but got {lattice_kernel}'
        )
    if any(gcd(d, scale) != 1 for d in dilation):
        raise CubeRuleError(
            f'dilation must share no factor with scale={scale}, or whole '
            f'channels are never read, but got {dilation}'
        )
