"""The mask by its definition, and in the ways it is computed."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.ops import mask_cells, spatial_mask
from mmseg_cube.ops.cell_mask import (
    cell_statistics,
    find_mask,
    mask_gradients,
    unfold_mask,
)
from mmseg_cube.ops.lattice import to_cells
from mmseg_cube.ops.places import lay_out, take_up

LAST = torch.channels_last
EXACT = dict(atol=1e-10, rtol=0)
SIZES = pytest.mark.parametrize(
    'taps, scale', list(product((1, 3, 5, 7), (2, 3)))
)


def draw(taps, scale=2, height=5, width=4):
    torch.manual_seed(0)
    # Behind a ReLU many maxima are shared, by zeros.
    lattice = torch.randn(2, 3, height * scale, width * scale).relu()
    weight, bias = torch.randn(1, 2, taps, taps), torch.randn(1)
    return [t.double() for t in (lattice, weight, bias)]


def reference(z, weight, bias):
    n, _, height, width = z.shape
    half = weight.shape[2] // 2
    out = z.new_zeros(n, 1, height, width)
    around = range(-half, half + 1)
    for b, h, w in product(*map(range, (n, height, width))):
        total = bias[0].clone()
        for i, j in product(around, around):
            y, x = h + i, w + j
            if 0 <= y < height and 0 <= x < width:
                taps = weight[0, :, i + half, j + half]
                site = z[b, :, y, x]
                total += taps[0] * site.mean() + taps[1] * site.max()
        out[b, 0, h, w] = 1 / (1 + torch.exp(-total))
    return out


@pytest.mark.parametrize('taps', [1, 3, 5])
def test_equals_the_definition(taps):
    given = draw(taps, height=3, width=2)
    torch.testing.assert_close(
        spatial_mask(*given), reference(*given), **EXACT
    )


@pytest.mark.parametrize('last', [False, True])
@pytest.mark.parametrize('scale', [1, 2, 3])
def test_masked_cells_are_the_masked_lattice(scale, last):
    lattice, weight, bias = draw(3, scale)
    x = to_cells(lattice, scale)
    x = x.contiguous(memory_format=LAST if last else torch.contiguous_format)
    cells = mask_cells(x, weight, bias, scale)
    mask = spatial_mask(lattice, weight, bias)
    torch.testing.assert_close(F.pixel_shuffle(cells, scale), lattice * mask)
    torch.testing.assert_close(spatial_mask(x, weight, bias, scale), mask)
    assert cells.stride() == x.stride()


@SIZES
@pytest.mark.parametrize('last', [False, True])
def test_folded_mask_is_the_mask(taps, scale, last):
    lattice, weight, bias = draw(taps, scale)
    expected = spatial_mask(lattice, weight, bias)
    cells = to_cells(lattice, scale)
    if not last:
        cells = cells.contiguous()
    statistics, mask, kernel = find_mask(cells, weight, bias, scale)
    assert statistics.shape == (2, 2 * scale**2, 5, 4)
    span = 2 * -(-(taps // 2) // scale) + 1
    assert kernel.shape == (scale**2, 2 * scale**2, span, span)
    torch.testing.assert_close(lay_out(mask, scale), expected, **EXACT)


@SIZES
def test_gradients_are_those_of_the_masked_lattice(taps, scale):
    tensors = [t.requires_grad_() for t in draw(taps, scale)]
    lattice, weight, bias = tensors
    grad = torch.randn_like(lattice)
    loss = (lattice * spatial_mask(lattice, weight, bias) * grad).sum()
    expected = torch.autograd.grad(loss, tensors)
    with torch.no_grad():
        places, d_places = take_up(lattice, scale), take_up(grad, scale)
        kept = find_mask(to_cells(lattice, scale), weight, bias, scale)
        found = mask_gradients(d_places, places, *kept, scale)
        d_places, d_kernel, d_bias = found
    d_weight = unfold_mask(d_kernel, weight, scale)
    found = lay_out(d_places, scale), d_weight, d_bias
    torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.parametrize('channels', [1, 3, 8, 12])
def test_statistics_of_any_number_of_channels(channels):
    x = torch.randn(2, 4 * channels, 3, 5)
    places = x.unflatten(1, (channels, 4))
    expected = torch.cat((places.mean(1), places.amax(1)), 1)
    for given in (x, x.to(memory_format=LAST)):
        found = cell_statistics(given, 2)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_statistics_of_half_precision_do_not_overflow(dtype):
    largest = torch.finfo(torch.float16).max
    cells = torch.full((1, 256, 2, 3), largest, dtype=dtype)
    for given in (cells, cells.to(memory_format=LAST)):
        statistics = cell_statistics(given, 2)
        assert statistics.dtype == torch.float32
        assert torch.all(statistics == cells[0, 0, 0, 0].float())
