"""Cells whose channels are grouped by the place that they have in a cell.

This project. The gather that a router needs at any rate brings the G channels
of each of the r^2 places together, (N, r^2, G, H, W), on a CPU with channels
last. From there the lattice is a copy of whole runs of memory, and a mask and
its gradients are values for rows of neighbours.
"""

from torch import Tensor

from mmseg_cube.ops import layout
from mmseg_cube.ops.layout import LAST, cells_of, permute_channels


def by_place(order: Tensor, scale: int) -> Tensor:
    """Order of the channels when each place has its own together."""
    return order.view(-1, scale**2).t().reshape(-1)


def to_places(input: Tensor, order: Tensor, scale: int) -> Tensor:
    """Put channels (N, C, H, W) into their order, by place, in new memory."""
    places = permute_channels(input, by_place(order, scale))
    if layout.on_cpu(input):
        places = layout.to_layout(places, LAST)
    return places.unflatten(1, (scale**2, -1))


def lay_out(places: Tensor, scale: int) -> Tensor:
    """Copy places (N, r^2, G, H, W) onto a lattice, with channels last."""
    n, _, channels, height, width = places.shape
    lattice = places.new_empty(n, scale * height, scale * width, channels)
    lattice = lattice.permute(0, 3, 1, 2)
    cells = places.unflatten(1, (scale, scale)).permute(0, 3, 1, 2, 4, 5)
    cells_of(lattice, scale).copy_(cells)
    return lattice


def take_up(lattice: Tensor, scale: int) -> Tensor:
    """Undo :func:`lay_out`, with channels last."""
    cells = cells_of(lattice, scale).permute(0, 4, 5, 2, 3, 1).contiguous()
    return cells.flatten(3, 4).permute(0, 3, 4, 1, 2)
