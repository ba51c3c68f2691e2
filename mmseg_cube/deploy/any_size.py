"""Layers that keep sizes open when a tracer or an exporter records them.

Those of mmseg and torch compute sizes as Python numbers, which a graph keeps
as they were for its example, or by operations that ONNX has for some sizes
only. Their stand-ins give the same from the same parameters.
"""

import torch
import torch.nn.functional as F
from mmseg.models.backbones.swin import ShiftWindowMSA
from mmseg.models.utils import Upsample
from torch import Tensor, nn


def missing(size: int, divisor: int) -> int:
    """How much is missing up to the next multiple.

    Neither ``-size % divisor``, from which torch.export cannot tell that the
    sum is a multiple, nor a negative number divided, which ONNX rounds up.
    """
    return (size + divisor - 1) // divisor * divisor - size


class _Upsample(Upsample):
    def forward(self, x: Tensor) -> Tensor:
        scale = None if self.size else self.scale_factor
        options = self.mode, self.align_corners, scale and True
        return F.interpolate(x, self.size, scale, *options)


class _AdaptiveAvgPool2d(nn.AdaptiveAvgPool2d):
    def forward(self, x: Tensor) -> Tensor:
        height, width = nn.modules.utils._pair(self.output_size)
        x = _averages(x.shape[2], height) @ x
        return x @ _averages(x.shape[3], width).T


def _averages(size: int, bins: int) -> Tensor:
    """Matrix (bins, size) that averages what falls into each bin."""
    place, bin = torch.arange(size), torch.arange(bins)[:, None]
    end = ((bin + 1) * size + bins - 1) // bins
    inside = ((place >= bin * size // bins) & (place < end)).float()
    return inside / inside.sum(1, keepdim=True)


class _MultiheadAttention(nn.MultiheadAttention):
    def forward(self, query, key, value, **options):
        if options or self.batch_first or self.in_proj_bias is None:
            return super().forward(query, key, value, **options)
        weights, biases = (
            stacked.chunk(3)
            for stacked in (self.in_proj_weight, self.in_proj_bias)
        )
        heads = [
            F.linear(*given).unflatten(2, (self.num_heads, -1)).transpose(0, 2)
            for given in zip((query, key, value), weights, biases, strict=True)
        ]
        found = F.scaled_dot_product_attention(*heads)
        return self.out_proj(found.transpose(0, 2).flatten(2)), None


class _ShiftWindowMSA(ShiftWindowMSA):
    def forward(self, query: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        size, shift, mask = self.window_size, self.shift_size, None
        height, width = hw_shape
        below, right = missing(height, size), missing(width, size)
        rows, columns = height + below, width + right
        x = query.unflatten(1, (height, width))
        x = F.pad(x, (0, 0, 0, right, 0, below))
        if shift:
            x = x.roll((-shift, -shift), (1, 2))
            mask = self._mask(rows, columns)
        x = self.w_msa(self._windows(x), mask).unflatten(1, (size, size))
        x = x.unflatten(0, (-1, rows // size, columns // size))
        x = _copy(x.transpose(2, 3)).flatten(3, 4).flatten(1, 2)
        if shift:
            x = x.roll((shift, shift), (1, 2))
        # Not a slice, whose size torch.export takes for a minimum.
        x = _copy(x.narrow(1, 0, height).narrow(2, 0, width))
        return self.drop(x.flatten(1, 2))

    def _windows(self, x: Tensor) -> Tensor:
        """Bring pixels (N, H, W, C) into windows (N * windows, size^2, C)."""
        size, (batch, rows, columns, channels) = self.window_size, x.shape
        # Not unflatten(), for which ONNX keeps the number of windows.
        x = x.view(batch, rows // size, size, columns // size, size, channels)
        return _copy(x.transpose(2, 3)).view(-1, size**2, channels)

    def _mask(self, rows: int, columns: int) -> Tensor:
        """Keep pixels apart that only the shift has brought together."""
        row, column = (
            (torch.arange(n) >= n - self.window_size).float()
            + (torch.arange(n) >= n - self.shift_size).float()
            for n in (rows, columns)
        )
        part = self._windows((3 * row[:, None] + column)[None, ..., None])
        return (part != part.transpose(1, 2)).float() * -100


def _copy(x: Tensor) -> Tensor:
    # Not contiguous(), which records whether it had been so.
    return x.clone(memory_format=torch.contiguous_format)


KINDS = _Upsample, _AdaptiveAvgPool2d, _MultiheadAttention, _ShiftWindowMSA
STAND_INS = {kind.__base__: kind for kind in KINDS}


def take_any_size(network: nn.Module) -> None:
    """Put in the stand-ins, in a network made for export."""
    for layer in network.modules():
        # Subclasses may do something else.
        if type(layer) in STAND_INS:
            layer.__class__ = STAND_INS[type(layer)]
