import pickle

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm

from mmseg_cube.layers import (
    CubeConv2d,
    CubeKernelBlock,
    CubeOrPlainConv2d,
    summarise,
    switch_to_deploy,
)
from mmseg_cube.layers.summary import find_obstacle, layer_name

CUBE = dict(type='CubeConv2d')


def network():
    return nn.Sequential(
        CubeOrPlainConv2d(3, 8, 3, padding=1),
        ConvModule(
            8, 8, 3, padding=1, conv_cfg=CUBE, norm_cfg=dict(type='BN')
        ),
        ConvModule(8, 8, 1, conv_cfg=CUBE),
        CubeOrPlainConv2d(8, 8, 3, padding=1, groups=8),
        nn.ConvTranspose2d(8, 8, 2, stride=2),
        CubeKernelBlock(8),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 2, 1),
    )


def test_counts_and_reasons():
    assert summarise(network()) == (
        'Cube kernels: 2 of 8 convolutions; the others: 2 of 1 x 1, 1 with 3 '
        'channels, 1 grouped, 1 transposed, 1 not chosen'
    )
    # A layer may know a reason that is not to be seen.
    kept = nn.Conv2d(8, 8, 3)
    kept.cube_obstacle = 'dilated'
    assert summarise(kept).endswith('the others: 1 dilated')


@pytest.mark.parametrize(
    ('conv', 'options', 'reason'),
    [
        (nn.Conv2d(8, 8, 3), {}, None),
        (nn.Conv2d(8, 8, 3), dict(lattice_stride=1), None),
        (nn.Conv2d(8, 9, 3), {}, None),
        (nn.Conv2d(8, 9, 3), dict(lattice_stride=1), 'with 9 outputs'),
        (nn.Conv2d(8, 8, 3), dict(scale=3), 'with 8 channels'),
        (nn.Conv2d(9, 8, 3), dict(scale=3), None),
        (nn.Conv2d(8, 8, 3), dict(lattice_kernel_size=1), 'of 3 x 3'),
        (nn.Conv2d(8, 8, 1), dict(lattice_kernel_size=2), 'of 1 x 1'),
        (nn.Conv2d(8, 8, 3, groups=2), {}, None),
        (nn.Conv2d(8, 8, 3, groups=4), {}, 'grouped'),
        (nn.Conv2d(8, 8, 3, dilation=2), {}, 'dilated'),
        (nn.Conv2d(8, 8, 3, dilation=3), {}, None),
        (CubeConv2d(8, 8, 3), {}, 'Cube already'),
        (nn.LazyConv2d(8, 3), {}, 'of another kind'),
    ],
)
def test_obstacles(conv, options, reason):
    assert find_obstacle(conv, **options) == reason


def test_a_layer_is_named_without_its_parts():
    names = 'a.conv.router', 'a.router', 'conv.router', 'router'
    assert [*map(layer_name, names)] == ['a', 'a', 'conv', 'router']


def test_wrapped_networks_say_the_same():
    model = network()
    for twin in (nn.DataParallel(model), torch.compile(model)):
        assert summarise(twin) == summarise(model)


def test_nothing_but_cubes():
    conv = pickle.loads(pickle.dumps(CubeConv2d(8, 8, 3)))
    assert summarise(conv) == 'Cube kernels: 1 of 1 convolution'
    assert summarise(nn.Linear(2, 2)) == 'Cube kernels: 0 of 0 convolutions'
    # A shared layer counts once, routers and masks not at all.
    full = CubeConv2d(8, 8, 3, router={}, mask={})
    stack = nn.Sequential(conv, conv, full)
    assert summarise(stack) == 'Cube kernels: 2 of 2 convolutions'


def test_computed_weights_are_of_another_kind():
    layers = nn.Sequential(
        spectral_norm(nn.Conv2d(8, 8, 3)),
        parametrizations.spectral_norm(nn.Conv2d(8, 8, 3)),
        spectral_norm(CubeConv2d(8, 8, 3)),
        parametrizations.spectral_norm(CubeConv2d(8, 8, 3)),
    )
    assert summarise(layers) == (
        'Cube kernels: 2 of 4 convolutions; the others: 2 of another kind'
    )


def test_deployed_network():
    model = network()
    kept = summarise(switch_to_deploy(model, plain=False))
    assert kept == summarise(model)
    # A mask cannot be folded; the other Cube became a plain convolution.
    folded = summarise(switch_to_deploy(model))
    assert folded.startswith('Cube kernels: 1 of 8 convolutions; the others: ')
    assert '2 of 1 x 1, ' in folded
    assert summarise(model) == kept
