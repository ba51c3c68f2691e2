"""Cube convolution: one convolution over space and neighbouring channels.

Source: the Cube Kernel's reconstruction of channels onto a finer spatial
lattice; the exact form below is this project's. With N batch, C input and D
output channels, H x W the coarse grid, r the scale and G = C / r^2::

    z[n, g, r*h + i, r*w + j] = x[n, g*r^2 + i*r + j, h, w]     (reconstruct)
    y = conv(z; weight (D, G, q, q), stride r*s)                (convolve)

A window of q x q lattice pixels spans both neighbouring cells and the
channels that share a cell, so it mixes space and channels at once.
"""

import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.geometry import (
    PHASES,
    check_cube_rules,
    lattice_pads,
    output_size,
)

Pair = tuple[int, int]


def reconstruct(input: Tensor, scale: int = 2) -> Tensor:
    """Lay channels out on the finer lattice.

    Args:
        input: Tensor of shape (N, C, H, W).
        scale: Lattice pixels per cell and axis, r.

    Returns:
        Tensor of shape (N, C / r^2, r * H, r * W).
    """
    return F.pixel_shuffle(input, scale)


def lattice_conv2d(
    lattice: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = (1, 1),
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
    scale: int = 2,
    kernel_size: Pair | None = None,
    phase: str = 'up_left',
) -> Tensor:
    """Convolve the lattice back to the coarse grid.

    Args:
        lattice: Tensor of shape (N, G, r * H, r * W).
        weight: Tensor of shape (D, G / groups, q, q).
        bias: Tensor of shape (D,).
        stride: Stride in cells.
        padding: Zeros (before, after) per axis, in cells.
        dilation: Spacing of the taps, in lattice pixels.
        groups: Groups of lattice channels.
        scale: Lattice pixels per cell and axis, r.
        kernel_size: Kernel of the replaced convolution; defaults to q.
        phase: Side to which an uncentred window leans.

    Returns:
        Tensor of shape (N, D, H', W') with the output size of the replaced
        convolution.
    """
    taps = tuple(weight.shape[2:])
    kernel_size = kernel_size or taps
    pads, covered = [], True
    for axis in (0, 1):
        pixels = lattice.shape[axis - 2]
        size = pixels // scale
        before, after = lattice_pads(
            size,
            kernel_size[axis],
            taps[axis],
            stride[axis],
            padding[axis],
            dilation[axis],
            scale,
            phase,
        )
        pads.append((before, after))
        # The same padding on both sides, which the convolution applies
        # without a copy, will do where it yields the same windows.
        covered = covered and (
            before >= 0
            and output_size(
                pixels,
                taps[axis],
                scale * stride[axis],
                (before, before),
                dilation[axis],
            )
            == output_size(
                size,
                kernel_size[axis],
                stride[axis],
                padding[axis],
                dilation[axis],
            )
        )
    inner = (pads[0][0], pads[1][0]) if covered else 0
    if not covered:
        lattice = F.pad(lattice, (*pads[1], *pads[0]))
    steps = (scale * stride[0], scale * stride[1])
    return F.conv2d(lattice, weight, bias, steps, inner, dilation, groups)


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
    phase: str = 'up_left',
) -> Tensor:
    """Cube convolution with the arguments of ``F.conv2d``.

    Args:
        input: Tensor of shape (N, C, H, W).
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

    Returns:
        Tensor of shape (N, D, H', W'), sized like the output of ``F.conv2d``
        with a kernel of ``kernel_size``.

    Raises:
        CubeRuleError: If the operator would skip channels or split cells.
        ValueError: If ``phase`` is unknown.
    """
    stride, padding, dilation = map(to_pair, (stride, padding, dilation))
    if phase not in PHASES:
        raise ValueError(f'phase must be one of {PHASES}, but got {phase!r}')
    check_cube_rules(
        input.shape[1],
        weight.shape[0],
        tuple(weight.shape[2:]),
        dilation,
        groups,
        scale,
    )
    return lattice_conv2d(
        reconstruct(input, scale),
        weight,
        bias,
        stride,
        ((padding[0],) * 2, (padding[1],) * 2),
        dilation,
        groups,
        scale,
        kernel_size and to_pair(kernel_size),
        phase,
    )


def to_pair(value: int | Pair) -> Pair:
    """Repeat a number for both axes; leave a pair as it is."""
    return (value, value) if isinstance(value, int) else tuple(value)
