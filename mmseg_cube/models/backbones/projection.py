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
Kernels that a Cube convolution can have stay as they are. With a correlation
of 0 the fit is that of the kernels themselves: their entries at the taps.

Where channels share their weights, both R are sums over the pairs of sites
and parities that a weight serves, and the fit is one to all of these.
"""

import copy

import torch
from torch import Tensor

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops.geometry import cell_taps

# Measured on the 18 convolutions of a ResNet-18 after a short training on
# roofs: mean squared error of the output over its variance 1.01 (0), 0.72
# (0.25), 0.46 (0.5), 0.31 (0.75), 0.30 (0.9). Scaling every filter to its
# former norm helps below 0.75 and not from there on (0.92, 0.54, 0.35, 0.31,
# 0.31), so there is no such scaling.
CORRELATION = 0.75


@torch.no_grad()
def project_weight(weight: Tensor, layer: CubeConv2d) -> Tensor:
    """Find the weight of a Cube convolution whose outputs are closest.

    ``weight`` (D, C, k, k) is that of the convolution that the layer, which
    has no groups, stands in for. The present order of its router is taken
    into account, its mask is not. The result is of the type of the weight.
    """
    scale, given = layer.scale, weight.dtype
    weight = weight.to(torch.promote_types(given, torch.float32))
    if (router := layer.router) is not None:
        if router.permutation().is_meta:  # without values: as it will begin
            router = copy.deepcopy(router).to_empty(device='cpu')
            router.reset_parameters()
        weight = weight[:, router.permutation().to(weight.device)]
    rows, columns = (_fit(layer, axis).to(weight) for axis in (0, 1))
    sites = len(rows)
    # (D / n^2, n, n, G, r, r, k, k)
    places = weight.unflatten(1, (-1, scale, scale))
    places = places.unflatten(0, (-1, sites, sites))
    cube = torch.einsum('dxygijab,xita,yjsb->dgts', places, rows, columns)
    return cube.to(given)


def _fit(layer: CubeConv2d, axis: int) -> Tensor:
    """M along an axis, by site, parity and tap, of shape (n, r, q, k)."""
    geometry = layer.geometry
    taps = cell_taps(geometry, axis)
    cells, parities = torch.tensor(taps.sites).unbind(2)  # (n, q)
    kept = cells - taps.before
    read = torch.arange(geometry.kernel_size[axis])
    read = geometry.dilation[axis] * read - geometry.pads[axis][0]
    # Taps of other parities read other channels, which tell nothing.
    alike = parities[:, :, None] == parities[:, None]
    among = (_correlation(kept, kept[:, None]) * alike).sum(0)
    meets = parities[:, None] == torch.arange(geometry.scale)[:, None]
    given = _correlation(kept, read)[:, None] * meets[..., None]
    return torch.linalg.solve(among, given)


def _correlation(u: Tensor, v: Tensor) -> Tensor:
    return torch.pow(CORRELATION, (u[..., None] - v).abs().double())
