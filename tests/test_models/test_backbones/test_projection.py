import pytest
import torch
from torch import nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.models.backbones.projection import project_weight
from mmseg_cube.ops import fold_weight


def plain_twin(cube):
    """Plain convolution with the kernel that a Cube convolution has."""
    sizes = cube.in_channels, cube.out_channels, cube.kernel_size
    plain = nn.Conv2d(*sizes, cube.stride, cube.padding, bias=False)
    x = torch.zeros(1, cube.in_channels, 12, 12, requires_grad=True)
    # What one output site reads; everything outside must be nothing.
    rows = [s * 3 - p for s, p in zip(cube.stride, cube.padding, strict=True)]
    for d, y in enumerate(cube(x)[0, :, 3, 3]):
        (grad,) = torch.autograd.grad(y, x, retain_graph=True)
        kernel = grad[0, :, rows[0] :, rows[1] :][..., :3, :3]
        assert kernel.count_nonzero() == grad.count_nonzero()
        with torch.no_grad():
            plain.weight[d] = kernel
    return plain


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(phase='down_right'),
        dict(stride=2),
        dict(lattice_kernel_size=4),
        dict(padding=0),
        dict(router=dict(method='random', seed=1)),
        dict(lattice_stride=1),
        dict(lattice_stride=1, stride=2, router=dict(method='random')),
    ],
)
def test_kernels_that_a_cube_can_have_are_kept(options):
    torch.manual_seed(0)
    options = dict(dict(padding=1), **options)
    cube = CubeConv2d(8, 4, 3, bias=False, **options)
    plain = plain_twin(cube)
    x = torch.randn(2, 8, 12, 12)
    torch.testing.assert_close(plain(x), cube(x))
    found = project_weight(plain.weight, cube)
    torch.testing.assert_close(found, cube.weight.detach())


def test_projection_is_closer_on_smooth_features_than_the_bare_taps():
    torch.manual_seed(0)
    plain = nn.Conv2d(16, 8, 3, padding=1, bias=False)
    cube = CubeConv2d(16, 8, 3, padding=1, bias=False)
    x = nn.functional.avg_pool2d(torch.randn(4, 16, 34, 34), 3, 1)
    # The bare taps: the gradient of a sum over the folded kernel's entries
    # in its two by two cells, which are the first ones of the window.
    weight = cube.weight.detach().clone().requires_grad_()
    folded = fold_weight(weight, cube.geometry)
    cells = plain.weight.detach()[..., :2, :2]
    (bare,) = torch.autograd.grad((folded * cells).sum(), weight)
    errors = []
    for value in (bare, project_weight(plain.weight, cube)):
        with torch.no_grad():
            cube.weight.copy_(value)
            errors.append((cube(x) - plain(x)).square().mean())
    assert errors[1] < 0.7 * errors[0]
