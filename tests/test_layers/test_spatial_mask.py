import pytest
import torch

from mmseg_cube.layers import SpatialMask


@pytest.mark.parametrize('size', [(1, 1), (7, 10)])
def test_fresh_mask_is_even_and_nearly_one(size):
    lattice = torch.randn(2, 3, *size)
    torch.testing.assert_close(SpatialMask()(lattice), 0.95 * lattice)


def test_scales_every_pixel_by_one_value():
    torch.manual_seed(0)
    mask = SpatialMask(3)
    torch.nn.init.normal_(mask.weight)
    lattice = torch.randn(2, 5, 6, 6)
    ratio = mask(lattice) / lattice
    assert ratio.min() > 0
    assert ratio.max() < 1
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))
    assert ratio.std() > 0.01


@pytest.mark.parametrize('kernel_size', [0, 2, -3])
def test_kernel_must_be_odd(kernel_size):
    with pytest.raises(ValueError, match=f'odd number, but got {kernel_size}'):
        SpatialMask(kernel_size)


def test_repr():
    assert repr(SpatialMask(7)) == 'SpatialMask(kernel_size=7)'
