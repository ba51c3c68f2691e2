"""Cube convolution: one convolution over space and neighbouring channels.

Source: the Cube Kernel's reconstruction of channels onto a finer spatial
lattice; the exact form below is this project's. With N batch, C input and D
output channels, H x W the coarse grid, r the scale and G = C / r^2::

    x <- x[:, order]                                            (route)
    z[n, g, r*h + i, r*w + j] = x[n, g*r^2 + i*r + j, h, w]     (reconstruct)
    z <- m(z) * z                                               (mask)
    y = conv(z; weight (D, G, q, q), stride r*s)                (convolve)

A window of q x q lattice pixels spans both neighbouring cells and the
channels that share a cell, so it mixes space and channels at once.
"""

from torch import Tensor

from mmseg_cube.ops.coarse import folded_form, parity_form
from mmseg_cube.ops.context import is_traced
from mmseg_cube.ops.forms import AUTO, FORMS, choose_form
from mmseg_cube.ops.fused_lattice import fused_lattice
from mmseg_cube.ops.geometry import (
    PHASES,
    Pair,
    check_choice,
    make_geometry,
    to_pair,
)
from mmseg_cube.ops.lattice import plain_lattice
from mmseg_cube.ops.operands import Operands
from mmseg_cube.ops.rules import check_cube_rules


def cube_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    scale: int = 2,
    kernel_size: int | Pair | None = None,
    phase: str = PHASES[0],
    form: str = AUTO,
    mask: tuple[Tensor, Tensor] | None = None,
    order: Tensor | None = None,
) -> Tensor:
    """Cube convolution with the arguments of ``F.conv2d``.

    Args:
        input: Tensor of shape (N, C, H, W) or (C, H, W).
        weight: Tensor of shape (D, C / r^2 / groups, q, q).
        bias: Tensor of shape (D,).
        stride: Stride in cells.
        padding: Zeros around the coarse grid, in cells.
        dilation: Spacing of the taps, in lattice pixels.
        groups: Groups of channels, each of whole cells.
        scale: Lattice pixels per cell and axis, r.
        kernel_size: Kernel of the replaced convolution; defaults to q.
        phase: ``'up_left'`` or ``'down_right'``, the side to which a window
            that cannot be centred leans.
        form: One of ``FORMS``, or ``'auto'`` for the fastest one.
        mask: Weight (1, 2, k, k) and bias (1,) of a spatial mask.
        order: Permutation of the input channels, of shape (C,).

    Returns:
        Tensor of shape (N, D, H', W') or (D, H', W'), sized like the output
        of ``F.conv2d`` with a kernel of ``kernel_size``.

    Raises:
        CubeRuleError: If the operator would skip channels or split cells.
        ValueError: If ``scale``, ``phase`` or ``form`` is unknown.
    """
    check_choice('form', form, (AUTO, *FORMS))
    geometry = make_geometry(
        tuple(weight.shape[2:]) if kernel_size is None else kernel_size,
        tuple(weight.shape[2:]),
        dilation,
        scale,
        phase,
        stride=to_pair(stride),
        pads=tuple((p, p) for p in to_pair(padding)),
        groups=groups,
    )
    check_cube_rules(input.shape[-3], weight.shape[0], geometry)
    return convolve(Operands(input, weight, bias, geometry, mask, order), form)


def convolve(operands: Operands, form: str = AUTO) -> Tensor:
    """Cube convolution of a checked geometry, (N, D, H', W') or (D, H', W').

    The input may have the shape (C, H, W) as well.
    """
    if operands.input.dim() == 3:
        batch = operands._replace(input=operands.input[None])
        return convolve(batch, form)[0]
    traced = is_traced()
    if form == AUTO:
        # A graph for all sizes cannot choose, nor keep folded weights.
        form = 'lattice' if traced else choose_form(operands)
    if form == 'folded':
        return folded_form(operands)
    if form == 'parity':
        return parity_form(operands)
    if traced or operands.geometry.scale == 1:
        return plain_lattice(operands)
    return fused_lattice(operands)
