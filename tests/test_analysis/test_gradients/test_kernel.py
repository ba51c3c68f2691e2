"""The gradient of a dense kernel against those that autograd finds."""

import copy

import pytest
import torch
from torch import nn

from mmseg_cube.analysis.gradients.capture import kernel_gradient
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import fold_weight

RANDOM = dict(method='random', seed=1)
PLAIN = {
    'dilated': dict(kernel_size=3, padding=2, dilation=2),
    'oblong': dict(kernel_size=(1, 4), padding=(0, 2), stride=(2, 1)),
    'same': dict(kernel_size=4, padding='same'),
    'circular': dict(kernel_size=5, padding=2, padding_mode='circular'),
}
CUBES = {
    '3 x 3': dict(kernel_size=3, padding=1),
    'down right': dict(kernel_size=3, padding=1, phase='down_right'),
    'centred': dict(kernel_size=3, padding=1, lattice_kernel_size=4),
    'dilated': dict(kernel_size=3, padding=3, dilation=3),
    'oblong': dict(kernel_size=(3, 5), padding=(1, 2), stride=(1, 2)),
    'wide padding': dict(kernel_size=3, padding=4, stride=3),
    'reflect': dict(kernel_size=3, padding=1, padding_mode='reflect'),
    'scale 1': dict(kernel_size=3, padding=1, scale=1),
    'shared': dict(kernel_size=3, padding=1, lattice_stride=1),
}


def push(conv, channels):
    """Input and gradient of the output of one backward pass."""
    torch.manual_seed(1)
    x = torch.randn(2, channels, 9, 8, dtype=torch.float64)
    out = conv(x)
    grad = torch.randn_like(out)
    out.backward(grad)
    return x, grad


@pytest.fixture
def build(as_trained):
    return lambda **options: as_trained(CubeConv2d(16, 8, **options).double())


@pytest.mark.parametrize('options', PLAIN.values(), ids=PLAIN)
def test_plain_is_the_gradient_of_the_weight(options):
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, **options).double()
    found = kernel_gradient(conv, *push(conv, 3))
    torch.testing.assert_close(found, conv.weight.grad)


def test_groups_are_part_of_the_dense_gradient():
    conv = nn.Conv2d(4, 6, 3, padding=1, groups=2).double()
    found = kernel_gradient(conv, *push(conv, 4))
    assert found.shape == (6, 4, 3, 3)
    own = torch.cat((found[:3, :2], found[3:, 2:]))
    torch.testing.assert_close(own, conv.weight.grad)
    assert (found[:3, 2:] != 0).all()


@pytest.mark.parametrize('router', [None, RANDOM])
@pytest.mark.parametrize('options', CUBES.values(), ids=CUBES)
def test_cube_has_the_gradient_of_its_plain_convolution(
    options, router, build
):
    layer = build(router=router, **options)
    x, grad = push(layer, 16)
    plain = copy.deepcopy(layer).switch_to_deploy()
    plain(x).backward(grad)
    (conv,) = (m for m in plain.modules() if isinstance(m, nn.Conv2d))
    found = kernel_gradient(layer, x, grad)
    torch.testing.assert_close(found, conv.weight.grad)


@pytest.mark.parametrize('options', CUBES.values(), ids=CUBES)
def test_reached_taps_of_a_masked_cube_have_the_gradient_of_it(options, build):
    layer = build(mask=dict(), router=RANDOM, **options)
    dense = kernel_gradient(layer, *push(layer, 16))
    dense = dense[:, layer.router.permutation()]
    folded = fold_weight(layer.weight, layer.geometry)
    (own,) = torch.autograd.grad(folded, layer.weight, dense)
    torch.testing.assert_close(own, layer.weight.grad)
