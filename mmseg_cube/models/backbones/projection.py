"""Projection of the weights of a plain convolution to those of a Cube.

This project. Along each axis a k x k convolution reads all k cells of its
window, a Cube convolution reads from a channel only the few cells in which a
tap meets the channel's parity (r = 2, q = 3: one or two of three). What the
others contribute is lost, unless the taps that remain predict it: features
are smooth, so neighbouring cells are much alike. If cells at distance n
correlate by ``CORRELATION^n`` along each axis and channels not at all, the
least squares fit of the outputs is, per axis and parity::

    M = R(kept, kept)^-1 R(kept, all),   R(u, v) = CORRELATION^|u - v|

and the Cube weight is the plain one times M along rows and along columns.
With a correlation of 0 that is the plain kernel's entries at the taps, the
fit of the kernels themselves, and a new layer's output is half as large.
"""

import torch
from torch import Tensor

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops.geometry import cell_taps

CORRELATION = 0.5


@torch.no_grad()
def project_weight(weight: Tensor, layer: CubeConv2d) -> Tensor:
    """Find the Cube weight whose outputs are closest.

    Args:
        weight: Weight of shape (D, C, k, k) of the convolution that the
            layer stands in for.
        layer: Cube convolution without groups. Its router's present order is
            taken into account, its mask is not.

    Returns:
        Weight of shape (D, C / r^2, q, q), in float32.
    """
    scale, weight = layer.scale, weight.float()
    if layer.router is not None:
        weight = weight[:, layer.router.permutation().to(weight.device)]
    cells = weight.unflatten(1, (-1, scale, scale))
    (i, rows), (j, columns) = (_tap_matrix(layer, axis) for axis in (0, 1))
    # (D, G, q, q, k, k): for every tap the channel that it reads.
    cells = cells[:, :, i[:, None], j]
    rows, columns = (matrix.to(weight) for matrix in (rows, columns))
    return torch.einsum('dgtsab,ta,sb->dgts', cells, rows, columns)


def _tap_matrix(layer: CubeConv2d, axis: int) -> tuple[Tensor, Tensor]:
    """Parity of each tap, of shape (q,), and M, of shape (q, k)."""
    geometry = layer.geometry
    taps = cell_taps(geometry, axis)
    kept = torch.tensor(taps.cells) - taps.before
    read = torch.arange(geometry.kernel_size[axis])
    read = geometry.dilation[axis] * read - geometry.pads[axis][0]
    parities = torch.tensor(taps.parities)
    # Taps of other parities read other channels, which tell nothing.
    alike = (parities[:, None] == parities).double()
    among = _correlation(kept, kept) * alike
    return parities, torch.linalg.solve(among, _correlation(kept, read))


def _correlation(u: Tensor, v: Tensor) -> Tensor:
    return torch.pow(CORRELATION, (u[:, None] - v).abs().double())
