import pytest
import torch

from mmseg_cube.ops import mask_cells, reconstruct, spatial_mask


def reference(z, weight, bias):
    n, _, height, width = z.shape
    half = weight.shape[2] // 2
    out = z.new_zeros(n, 1, height, width)
    for b in range(n):
        for h in range(height):
            for w in range(width):
                total = bias[0].clone()
                for i in range(-half, half + 1):
                    for j in range(-half, half + 1):
                        y, x = h + i, w + j
                        if 0 <= y < height and 0 <= x < width:
                            site = z[b, :, y, x]
                            taps = weight[0, :, i + half, j + half]
                            total += taps[0] * site.mean()
                            total += taps[1] * site.max()
                out[b, 0, h, w] = 1 / (1 + torch.exp(-total))
    return out


@pytest.mark.parametrize('kernel_size', [1, 3, 5])
def test_equals_the_definition(kernel_size):
    torch.manual_seed(0)
    z = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    shape = (1, 2, kernel_size, kernel_size)
    weight = torch.randn(shape, dtype=torch.float64)
    bias = torch.randn(1, dtype=torch.float64)
    torch.testing.assert_close(
        spatial_mask(z, weight, bias),
        reference(z, weight, bias),
        atol=1e-10,
        rtol=0,
    )


def test_gradcheck():
    torch.manual_seed(0)
    z = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(spatial_mask, (z, weight, bias))


@pytest.mark.parametrize('last', [False, True])
@pytest.mark.parametrize('scale', [1, 2, 3])
def test_masked_cells_are_the_masked_lattice(scale, last):
    torch.manual_seed(0)
    x = torch.randn(2, 3 * scale**2, 4, 5, dtype=torch.float64)
    if last:
        x = x.to(memory_format=torch.channels_last)
    weight = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    bias = torch.randn(1, dtype=torch.float64)
    cells = mask_cells(x, weight, bias, scale)
    lattice = reconstruct(x, scale)
    expected = lattice * spatial_mask(lattice, weight, bias)
    torch.testing.assert_close(reconstruct(cells, scale), expected)
    assert cells.stride() == x.stride()
