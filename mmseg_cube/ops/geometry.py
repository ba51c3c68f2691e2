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

import math
from math import gcd
from typing import NamedTuple

PHASES = ('up_left', 'down_right')

Pair = tuple[int, int]


class CubeRuleError(ValueError):
    """A convolution that the Cube operator cannot stand in for."""


class Geometry(NamedTuple):
    """Everything about a Cube convolution that does not depend on tensors.

    Attributes:
        kernel_size: Kernel of the replaced convolution, in cells, k.
        taps: Kernel on the lattice, in lattice pixels, q.
        stride: Stride in cells.
        pads: Zeros (before, after) per axis, in cells.
        dilation: Spacing of the taps, on either grid.
        groups: Groups of channels, each of whole cells.
        scale: Lattice pixels per cell and axis, r.
        phase: ``'up_left'`` or ``'down_right'``.
    """

    kernel_size: Pair
    taps: Pair
    stride: Pair = (1, 1)
    pads: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1
    scale: int = 2
    phase: str = PHASES[0]


def output_size(size: int, geometry: Geometry, axis: int) -> int:
    """Output size of the replaced convolution along one axis, in cells."""
    reach = geometry.dilation[axis] * (geometry.kernel_size[axis] - 1) + 1
    padded = size + sum(geometry.pads[axis])
    return (padded - reach) // geometry.stride[axis] + 1


def first_tap(geometry: Geometry, axis: int) -> int:
    """Lattice pixel of the first tap of output 0; negative in the padding."""
    dilation, scale = geometry.dilation[axis], geometry.scale
    reach = dilation * (geometry.taps[axis] - 1) + 1
    slack = scale * (dilation * (geometry.kernel_size[axis] - 1) + 1) - reach
    lead = slack // 2 if geometry.phase == PHASES[0] else -(-slack // 2)
    return lead - scale * geometry.pads[axis][0]


def lattice_pads(geometry: Geometry, axis: int) -> Pair:
    """Padding of the lattice along one axis.

    Args:
        geometry: Geometry of the convolution.
        axis: 0 for rows, 1 for columns.

    Returns:
        Lattice pixels to add before and after, whatever the size of the
        input; negative ones are cut off.
    """
    before = -first_tap(geometry, axis)
    reach = geometry.dilation[axis] * (geometry.taps[axis] - 1) + 1
    return before, geometry.scale * _slack(geometry, axis) + reach - before


def _slack(geometry: Geometry, axis: int) -> int:
    """Padding beyond what the first window of the replaced one needs."""
    reach = geometry.dilation[axis] * (geometry.kernel_size[axis] - 1) + 1
    return sum(geometry.pads[axis]) - reach


class CellTaps(NamedTuple):
    """Taps of the lattice kernel as seen from the coarse grid, on one axis.

    Attributes:
        places: For each tap the cell that it falls into, counted from the
            first one, and its parity, the place within the cell.
        span: Cells that the taps reach over, the coarse kernel.
        before: Cells of padding in front; negative ones are cut off.
    """

    places: tuple[Pair, ...]
    span: int
    before: int

    @property
    def cells(self) -> tuple[int, ...]:
        """Cell of each tap."""
        return tuple(cell for cell, _ in self.places)

    @property
    def parities(self) -> tuple[int, ...]:
        """Parity of each tap."""
        return tuple(parity for _, parity in self.places)


def cell_taps(geometry: Geometry, axis: int) -> CellTaps:
    """Distribute the taps of the lattice kernel over coarse cells."""
    first, scale = first_tap(geometry, axis), geometry.scale
    start = first // scale
    pixels = [
        first + geometry.dilation[axis] * t for t in range(geometry.taps[axis])
    ]
    places = tuple((p // scale - start, p % scale) for p in pixels)
    return CellTaps(places, places[-1][0] + 1, -start)


def cell_pads(geometry: Geometry, axis: int) -> Pair:
    """Padding of the coarse grid for the coarse kernel, along one axis."""
    taps = cell_taps(geometry, axis)
    after = _slack(geometry, axis) + taps.span - taps.before
    return taps.before, after


def folding_saves(geometry: Geometry) -> bool:
    """Whether the dense coarse kernel is smaller than the replaced one.

    It is for q = 3 with r = 2 (2 x 2 taps of cells for 3 x 3), not for q = 4.
    """
    spans = (cell_taps(geometry, axis).span for axis in (0, 1))
    return math.prod(spans) < math.prod(geometry.kernel_size)


def check_cube_rules(
    in_channels: int, out_channels: int, geometry: Geometry
) -> None:
    """Check that every input channel is read, and whole cells are.

    Raises:
        CubeRuleError: Naming the rule, the value and the next step.
    """
    groups, scale = geometry.groups, geometry.scale
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
    if min(geometry.taps) < scale:
        raise CubeRuleError(
            f'the lattice kernel must be at least scale={scale} wide so '
            f'that it reads every channel, but got {geometry.taps}'
        )
    if any(gcd(d, scale) != 1 for d in geometry.dilation):
        raise CubeRuleError(
            f'dilation must share no factor with scale={scale}, or whole '
            f'channels are never read, but got {geometry.dilation}'
        )
