"""The parity form: one matrix product over the shifted channels of all taps.

This project; see :mod:`mmseg_cube.ops.forms`. The taps take 9/4 of the memory
of the input (r = 2, q = 3) and are kept for the backward pass. To gather them
once more there was measured to cost the time that this form gains, and to
raise the peak of memory, since their gradient is as large.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.geometry import (
    Geometry,
    cell_pads,
    cell_taps,
    output_size,
)
from mmseg_cube.ops.layout import LAST, is_channels_last


def parity_form(
    input: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    """Multiply the kernel with the shifted channels of every tap.

    Args:
        input: Tensor of shape (N, C, H, W).
        weight: Tensor of shape (D, G / groups, q, q).
        bias: Tensor of shape (D,), or None.
        geometry: Geometry of the convolution.

    Returns:
        Tensor of shape (N, D, H', W').
    """
    # (groups, D / groups, q * q * G / groups)
    kernel = weight.unflatten(0, (geometry.groups, -1)).flatten(3)
    kernel = kernel.transpose(2, 3).flatten(2)
    out = kernel @ gather_taps(input, geometry)
    size = [output_size(input.shape[2 + a], geometry, a) for a in (0, 1)]
    out = out.flatten(1, 2).unflatten(2, size)
    if bias is not None:
        # Autocast has cast the product alone.
        out = out + bias.to(out.dtype)[:, None, None]
    # As in torch, either of them asks for channels last.
    if is_channels_last(input) or is_channels_last(weight):
        return out.contiguous(memory_format=LAST)
    return out


def gather_taps(input: Tensor, geometry: Geometry) -> Tensor:
    """Put the channels that each tap reads side by side.

    Args:
        input: Tensor of shape (N, C, H, W).
        geometry: Geometry of the convolution.

    Returns:
        Tensor of shape (N, groups, q * q * G / groups, H' * W').
    """
    pads = cell_pads(geometry, 0), cell_pads(geometry, 1)
    height = output_size(input.shape[2], geometry, 0)
    width = output_size(input.shape[3], geometry, 1)
    scale = geometry.scale
    parities = (
        F.pad(input, (*pads[1], *pads[0]))
        .unflatten(1, (geometry.groups, -1, scale**2))
        .unbind(3)
    )
    rows, columns = cell_taps(geometry, 0), cell_taps(geometry, 1)
    down, right = geometry.stride
    shifted = [
        parities[i * scale + j][
            ...,
            h : h + down * (height - 1) + 1 : down,
            w : w + right * (width - 1) + 1 : right,
        ]
        for h, i in rows.places
        for w, j in columns.places
    ]
    return torch.stack(shifted, 2).flatten(4).flatten(2, 3)
