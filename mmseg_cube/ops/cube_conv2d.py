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

import torch
from torch import Tensor

from mmseg_cube.ops.forms import FORMS, folded_form
from mmseg_cube.ops.fused_lattice import (
    apply_order,
    fused_lattice,
    plain_lattice,
)
from mmseg_cube.ops.geometry import (
    PHASES,
    Geometry,
    Pair,
    check_cube_rules,
    folding_saves,
)
from mmseg_cube.ops.layout import is_channels_last
from mmseg_cube.ops.parity import parity_form
from mmseg_cube.ops.spatial_mask import mask_cells
from mmseg_cube.ops.tracing import is_traced

AUTO = 'auto'
# Channels of the lattice at which another form takes over; measured.
FEW_CHANNELS, SOME_CHANNELS, MANY_CHANNELS = 16, 32, 64


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
        form: How to execute it: one of ``FORMS``, or ``'auto'`` for the one
            that was measured to be the fastest.
        mask: Weight (1, 2, k, k) and bias (1,) of a spatial mask.
        order: Permutation of the input channels, of shape (C,).

    Returns:
        Tensor of shape (N, D, H', W') or (D, H', W'), sized like the output
        of ``F.conv2d`` with a kernel of ``kernel_size``.

    Raises:
        CubeRuleError: If the operator would skip channels or split cells.
        ValueError: If ``phase`` or ``form`` is unknown.
    """
    check_choice('phase', phase, PHASES)
    check_choice('form', form, (AUTO, *FORMS))
    taps = tuple(weight.shape[2:])
    rows, columns = to_pair(padding)
    geometry = Geometry(
        kernel_size=taps if kernel_size is None else to_pair(kernel_size),
        taps=taps,
        stride=to_pair(stride),
        pads=((rows, rows), (columns, columns)),
        dilation=to_pair(dilation),
        groups=groups,
        scale=scale,
        phase=phase,
    )
    check_cube_rules(input.shape[-3], weight.shape[0], geometry)
    return convolve(input, weight, bias, geometry, form, mask, order)


def convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
    form: str = AUTO,
    mask: tuple[Tensor, Tensor] | None = None,
    order: Tensor | None = None,
    relaxed: Tensor | None = None,
) -> Tensor:
    """Cube convolution of a checked geometry.

    Args:
        input: Tensor of shape (N, C, H, W) or (C, H, W).
        weight: Tensor of shape (D, C / r^2 / groups, q, q).
        bias: Tensor of shape (D,), or None.
        geometry: Geometry of the convolution.
        form: One of ``FORMS``, or ``'auto'``.
        mask: Weight (1, 2, k, k) and bias (1,) of a spatial mask, or None.
        order: Permutation of the input channels, of shape (C,), or None.
        relaxed: Relaxation of shape (B, C / B, C / B) that gets the gradient
            of ``order``, or None.

    Returns:
        Tensor of shape (N, D, H', W'), or (D, H', W').
    """
    if input.dim() == 3:
        options = (weight, bias, geometry, form, mask, order, relaxed)
        return convolve(input[None], *options)[0]
    traced = is_traced()
    if form == AUTO:
        # A graph for all sizes cannot choose, nor keep folded weights.
        masked = mask is not None
        form = 'lattice' if traced else choose_form(input, geometry, masked)
    if form == 'lattice':
        fused = geometry.scale > 1 and not traced
        lattice = fused_lattice if fused else plain_lattice
        return lattice(input, weight, bias, geometry, mask, order, relaxed)
    input = apply_order(input, order, relaxed)
    if mask is not None:
        input = mask_cells(input, *mask, geometry.scale)
    coarse = folded_form if form == 'folded' else parity_form
    return coarse(input, weight, bias, geometry)


def choose_form(input: Tensor, geometry: Geometry, masked: bool) -> str:
    """The form that was measured to be the fastest.

    Measured on a CPU by ``tools/analysis_tools/benchmark_operator.py``. The
    lattice form leads with channels last, and with a mask, which it applies
    on its way. Otherwise much of its time goes into changes of the layout,
    which the others do without; they lead where the channels are so few that
    operations hardly count, or so many that a matrix product runs at its
    best, but not with large kernels (q = 4), where they do, or keep, more.

    Args:
        input: Tensor of shape (N, C, H, W).
        geometry: Geometry of the convolution.
        masked: Whether there is a mask.

    Returns:
        One of ``FORMS``.
    """
    if masked or input.device.type != 'cpu':
        return 'lattice'
    channels = input.shape[1] // geometry.scale**2
    if channels < FEW_CHANNELS:
        return 'folded'
    if is_channels_last(input) or not folding_saves(geometry):
        return 'lattice'
    if torch.is_grad_enabled():
        return 'folded' if channels < SOME_CHANNELS else 'parity'
    return 'lattice' if channels < MANY_CHANNELS else 'parity'


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Check an option that has a few values.

    Raises:
        ValueError: Naming the option, the choices and the value.
    """
    if value not in choices:
        raise ValueError(f'{name} must be one of {choices}, but got {value!r}')


def to_pair(value: int | Pair) -> Pair:
    """Repeat a number for both axes; leave a pair as it is."""
    return (value, value) if isinstance(value, int) else tuple(value)
