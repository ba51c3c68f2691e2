"""Cells whose channels are grouped by the place that they have in a cell.

This project. The gather that a router needs at any rate brings the G channels
of each of the r^2 places together, (N, r^2, G, H, W), on a CPU with channels
last. From there the lattice is a copy of whole runs of memory, and a mask and
its gradients are values for rows of neighbours.
"""

import torch
from torch import Tensor

from mmseg_cube.ops import layout
from mmseg_cube.ops.layout import LAST, cells_of, like, permute_channels


def by_place(order: Tensor, scale: int) -> Tensor:
    """Order of the channels when each place has its own together."""
    return order.view(-1, scale**2).t().reshape(-1)


def to_places(input: Tensor, order: Tensor, scale: int) -> Tensor:
    """Put channels (N, C, H, W) into their order, by place, in new memory."""
    places = permute_channels(input, by_place(order, scale))
    if layout.on_cpu(input):
        places = layout.to_layout(places, LAST)
    return places.unflatten(1, (scale**2, -1))


def from_places(
    places: Tensor, order: Tensor, scale: int, out: Tensor
) -> None:
    """Undo :func:`to_places` into a tensor (N, C, H, W)."""
    channels = like(places.flatten(1, 2), out)
    permute_channels(channels, by_place(order, scale).argsort(), out)


def lay_out(places: Tensor, scale: int) -> Tensor:
    """Copy places (N, r^2, G, H, W) onto a new lattice (N, G, rH, rW)."""
    n, _, channels, height, width = places.shape
    shape = n, channels, scale * height, scale * width
    lattice = _empty(shape, places, 2)
    cells_of(lattice, scale).copy_(_as_cells(places, scale))
    return lattice


def take_up(lattice: Tensor, scale: int) -> Tensor:
    """Undo :func:`lay_out`."""
    n, channels, height, width = lattice.shape
    shape = n, scale**2 * channels, height // scale, width // scale
    places = _empty(shape, lattice, 1).unflatten(1, (scale**2, channels))
    _as_cells(places, scale).copy_(cells_of(lattice, scale))
    return places


def _as_cells(places: Tensor, scale: int) -> Tensor:
    """View of places as :func:`cells_of` views a lattice."""
    return places.unflatten(1, (scale, scale)).permute(0, 3, 1, 2, 4, 5)


def _empty(shape: tuple[int, ...], given: Tensor, channels: int) -> Tensor:
    """New memory, channels last where the given ones lie side by side."""
    last = given.stride(channels) == 1
    options = dict(dtype=given.dtype, device=given.device)
    options['memory_format'] = LAST if last else torch.contiguous_format
    return torch.empty(shape, **options)
