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

Where windows move by less than a cell (``lattice_stride`` below ``r``), a
cell has several of them along an axis, its *sites*. They share one kernel,
and together they are centred as a single window is.
"""

import math
from numbers import Integral
from typing import NamedTuple

PHASES = ('up_left', 'down_right')

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # before and after, for both axes
NOTHING = ((0, 0), (0, 0))


class Geometry(NamedTuple):
    """Everything about a Cube convolution that does not depend on tensors."""

    kernel_size: Pair  # of the replaced convolution, in cells, k
    taps: Pair  # kernel on the lattice, in lattice pixels, q
    stride: Pair = (1, 1)  # in cells
    pads: Pads = NOTHING  # zeros (before, after) per axis, in cells
    dilation: Pair = (1, 1)  # spacing of the taps, on either grid
    groups: int = 1  # of channels, each of whole cells
    scale: int = 2  # lattice pixels per cell and axis, r
    phase: str = PHASES[0]
    sites: int = 1  # windows per cell and axis, which share their weights


def make_geometry(
    kernel_size: int | Pair,
    taps: int | Pair | None = None,
    dilation: int | Pair = 1,
    scale: int = 2,
    phase: str = PHASES[0],
    lattice_stride: int | None = None,
    **others,
) -> Geometry:
    """Geometry from the arguments of a layer; ``taps`` default to the kernel.

    Raises:
        ValueError: If one of them is out of its domain.
    """
    taps = kernel_size if taps is None else taps
    step = scale if lattice_stride is None else lattice_stride
    check_whole(1, scale=scale, lattice_stride=step)
    sizes = dict(kernel_size=kernel_size, lattice_kernel_size=taps)
    check_whole(1, pairs=True, **sizes, dilation=dilation)
    if scale % step:
        raise ValueError(
            f'lattice_stride must divide scale={scale}, but got {step}'
        )
    check_choice('phase', phase, PHASES)
    return Geometry(
        to_pair(kernel_size),
        to_pair(taps),
        dilation=to_pair(dilation),
        scale=scale,
        phase=phase,
        sites=scale // step,
        **others,
    )


def to_pair(value: int | Pair) -> Pair:
    """Repeat a number for both axes; leave a pair as it is."""
    return tuple(value) if isinstance(value, list | tuple) else (value, value)


def check_whole(least: int, pairs: bool = False, **given: object) -> None:
    """Raise a ``ValueError`` if options are no whole numbers, or pairs."""
    what = f'a whole number of at least {least}'
    what += ', or two of them' if pairs else ''
    for name, size in given.items():
        pair = pairs and isinstance(size, list | tuple) and len(size) == 2
        values = size if pair else [size]
        if not all(isinstance(v, Integral) and v >= least for v in values):
            raise ValueError(f'{name} must be {what}, but got {size!r}')


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise a ``ValueError`` if an option has none of its values."""
    if value not in choices:
        raise ValueError(f'{name} must be one of {choices}, but got {value!r}')


def window_step(geometry: Geometry) -> int:
    """Lattice pixels from window to window, ``lattice_stride``."""
    return geometry.scale // geometry.sites


def _reach(taps: int, dilation: int) -> int:
    """Places from the first tap of a kernel to its last."""
    return dilation * (taps - 1) + 1


def _cell_reach(geometry: Geometry, axis: int) -> int:
    """Lattice pixels that the windows of one cell reach over."""
    further = geometry.scale - window_step(geometry)
    return _reach(geometry.taps[axis], geometry.dilation[axis]) + further


def _spare_padding(geometry: Geometry, axis: int) -> int:
    """Cells of padding beyond what the first replaced window needs."""
    kernel, dilation = geometry.kernel_size[axis], geometry.dilation[axis]
    return sum(geometry.pads[axis]) - _reach(kernel, dilation)


def output_size(size: int, geometry: Geometry, axis: int) -> int:
    """Output size of the replaced convolution along one axis, in cells."""
    spare = size + _spare_padding(geometry, axis)
    return spare // geometry.stride[axis] + 1


def least_size(geometry: Geometry, axis: int, mode: str) -> int:
    """Cells that an input needs along one axis to give an output of one."""
    least = max(1, -_spare_padding(geometry, axis))
    # A padding that copies cells needs so many of them.
    copied = max(geometry.pads[axis])
    needs = dict(reflect=copied + 1, circular=copied)
    return max(least, needs.get(mode, 1))


def first_tap(geometry: Geometry, axis: int) -> int:
    """Lattice pixel of the first tap of output 0; negative in the padding."""
    scale, dilation = geometry.scale, geometry.dilation[axis]
    coarse = scale * _reach(geometry.kernel_size[axis], dilation)
    slack = coarse - _cell_reach(geometry, axis)
    lead = slack // 2 if geometry.phase == PHASES[0] else -(-slack // 2)
    return lead - scale * geometry.pads[axis][0]


def lattice_pads(geometry: Geometry, axis: int) -> Pair:
    """Lattice pixels to add before and after one axis, or to cut off."""
    before = -first_tap(geometry, axis)
    spare = geometry.scale * _spare_padding(geometry, axis)
    return before, spare + _cell_reach(geometry, axis) - before


class CellTaps(NamedTuple):
    """Taps of the lattice kernel as seen from the coarse grid, on one axis."""

    sites: tuple[tuple[Pair, ...], ...]  # cell, from the first, and place
    span: int  # cells that the taps reach over, the coarse kernel
    before: int  # cells of padding; negative ones are cut off
    after: int


def cell_taps(geometry: Geometry, axis: int) -> CellTaps:
    """Distribute the taps of the lattice kernel over cells, for each site."""
    first, scale = first_tap(geometry, axis), geometry.scale
    start, dilation = first // scale, geometry.dilation[axis]
    reads = range(0, _reach(geometry.taps[axis], dilation), dilation)
    windows = range(first, first + scale, window_step(geometry))
    sites = tuple(
        tuple(((p + tap) // scale - start, (p + tap) % scale) for tap in reads)
        for p in windows
    )
    span = sites[-1][-1][0] + 1
    after = _spare_padding(geometry, axis) + span + start
    return CellTaps(sites, span, -start, after)


def cell_pads(geometry: Geometry) -> Pads:
    """Padding of the coarse grid for the coarse kernel."""
    rows, columns = cell_taps(geometry, 0), cell_taps(geometry, 1)
    return (rows.before, rows.after), (columns.before, columns.after)


def own_padding(pads: Pads) -> Pair | None:
    """What a convolution can pad by itself, None if sides differ."""
    (top, bottom), (left, right) = pads
    same = top == bottom and left == right and min(top, left) >= 0
    return (top, left) if same else None


def folding_saves(geometry: Geometry) -> bool:
    """Whether the dense coarse kernel is smaller than the replaced one.

    It is for q = 3 with r = 2 (2 x 2 taps of cells for 3 x 3), not for q = 4.
    """
    spans = (cell_taps(geometry, axis).span for axis in (0, 1))
    return math.prod(spans) < math.prod(geometry.kernel_size)
