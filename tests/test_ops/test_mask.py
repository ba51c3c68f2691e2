"""The mask by its definition; test_forms.py has its gradients."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.ops import mask_cells, spatial_mask
from mmseg_cube.ops.cell_mask import cell_statistics
from mmseg_cube.ops.lattice import to_cells

LAST = torch.channels_last
EXACT = dict(atol=1e-10, rtol=0)


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


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_statistics_of_half_precision_do_not_overflow(dtype):
    largest = torch.finfo(torch.float16).max
    cells = torch.full((1, 256, 2, 3), largest, dtype=dtype)
    for given in (cells, cells.to(memory_format=LAST)):
        statistics = cell_statistics(given, 2)
        assert statistics.dtype == torch.float32
        assert torch.all(statistics == cells[0, 0, 0, 0].float())
