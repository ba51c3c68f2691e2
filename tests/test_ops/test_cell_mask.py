"""The mask computed on the coarse grid against that on the lattice."""

import pytest
import torch

from mmseg_cube.ops import spatial_mask
from mmseg_cube.ops.cell_mask import (
    cell_mask,
    cell_mask_gradients,
    cell_statistics,
    fold_mask,
    unfold_mask,
)
from mmseg_cube.ops.reconstruct import to_cells

EXACT = dict(atol=1e-10, rtol=0)
SIZES = pytest.mark.parametrize(
    'taps, scale', [(t, s) for t in (1, 3, 5, 7) for s in (2, 3)]
)


def draw(taps, scale, dtype=torch.float64):
    torch.manual_seed(0)
    # Behind a ReLU many maxima are shared, by zeros.
    lattice = torch.randn(2, 3, 5 * scale, 4 * scale).relu()
    weight = torch.randn(1, 2, taps, taps)
    return (t.to(dtype) for t in (lattice, weight, torch.randn(1)))


@SIZES
@pytest.mark.parametrize('last', [False, True])
def test_folded_mask_is_the_mask(taps, scale, last):
    lattice, weight, bias = draw(taps, scale)
    cells = to_cells(lattice, scale)
    if not last:
        cells = cells.contiguous()
    statistics = cell_statistics(cells, lattice, scale)
    assert statistics.shape == (2, 2 * scale**2, 5, 4)
    kernel = fold_mask(weight, scale)
    span = 2 * -(-(taps // 2) // scale) + 1
    assert kernel.shape == (scale**2, 2 * scale**2, span, span)
    found = cell_mask(statistics, kernel, bias, scale)
    torch.testing.assert_close(
        found, spatial_mask(lattice, weight, bias), **EXACT
    )


@SIZES
def test_unfolding_is_the_adjoint_of_folding(taps, scale):
    _, weight, _ = draw(taps, scale)
    kernel = fold_mask(weight, scale)
    other = torch.randn_like(kernel)
    unfolded = unfold_mask(other, weight, scale)
    assert unfolded.shape == weight.shape
    torch.testing.assert_close(
        (kernel * other).sum(), (weight * unfolded).sum(), **EXACT
    )


@SIZES
def test_gradients_are_those_of_the_masked_lattice(taps, scale):
    tensors = [t.requires_grad_() for t in draw(taps, scale)]
    lattice, weight, bias = tensors
    mask = spatial_mask(lattice, weight, bias)
    grad = torch.randn_like(lattice)
    expected = torch.autograd.grad((lattice * mask * grad).sum(), tensors)
    with torch.no_grad():
        statistics = cell_statistics(to_cells(lattice, scale), lattice, scale)
        d_pixels, d_kernel, d_bias = cell_mask_gradients(
            grad,
            lattice * mask,
            statistics,
            mask,
            fold_mask(weight, scale),
            scale,
        )
    found = d_pixels, unfold_mask(d_kernel, weight, scale), d_bias
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, **EXACT)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_statistics_of_half_precision_do_not_overflow(dtype):
    largest = torch.finfo(torch.float16).max
    lattice = torch.full((1, 64, 4, 6), largest, dtype=dtype)
    lattice = lattice.to(memory_format=torch.channels_last)
    cells = lattice.new_full((1, 256, 2, 3), largest)
    for given in (cells, cells.to(memory_format=torch.channels_last)):
        statistics = cell_statistics(given, lattice, 2)
        assert statistics.dtype == torch.float32
        assert torch.all(statistics == lattice[0, 0, 0, 0].float())
