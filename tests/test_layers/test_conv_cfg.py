import pytest
import torch
from mmcv.cnn import build_conv_layer
from mmengine.registry import MODELS
from torch import nn

from mmseg_cube.layers import CubeConv2d, CubeKernelBlock, CubeOrPlainConv2d
from mmseg_cube.ops import CubeRuleError

CUBE = dict(type='CubeConv2d')


@pytest.mark.parametrize(
    'options, args, reason',
    [
        ({}, dict(kernel_size=1), 'of 1 x 1'),
        (dict(scale=3), dict(in_channels=9, kernel_size=2), 'of 2 x 2'),
        ({}, dict(in_channels=3), 'with 3 channels'),
        ({}, dict(dilation=(1, 4)), 'dilated'),
        (dict(router={}, mask={}, form='folded'), dict(groups=4), 'grouped'),
    ],
)
def test_plain_layer_keeps_the_reason(options, args, reason):
    args = dict(in_channels=8, out_channels=8, kernel_size=3) | args
    conv = build_conv_layer(dict(CUBE, **options), **args)
    assert type(conv) is nn.Conv2d
    assert conv.cube_obstacle == reason
    with pytest.raises(CubeRuleError):
        build_conv_layer(dict(CUBE, **options, fallback=False), **args)


def test_arguments_by_position():
    for kernel, kind in ((3, CubeConv2d), (1, nn.Conv2d)):
        conv = build_conv_layer(
            CUBE, 8, 4, kernel, 2, kernel // 2, 1, 1, False
        )
        assert (type(conv), conv.stride, conv.bias) == (kind, (2, 2), None)
        assert hasattr(conv, 'cube_obstacle') == (kernel == 1)


@pytest.mark.parametrize('kernel_size', [1, (1, 3)])
def test_small_kernels_do_not_grow(kernel_size):
    cfg = dict(CUBE, lattice_kernel_size=4)
    assert type(build_conv_layer(cfg, 8, 8, 3)) is CubeConv2d
    conv = build_conv_layer(cfg, 8, 8, kernel_size)
    assert type(conv) is nn.Conv2d
    assert conv.cube_obstacle.startswith('of 1 x')
    # Where it is asked for by itself, it is meant.
    block = CubeKernelBlock(8, kernel_size=1, lattice_kernel_size=4)
    assert block(torch.randn(2, 8, 5, 5)).shape == (2, 8, 5, 5)
    assert type(build_conv_layer(dict(CUBE, scale=1), 8, 8, 1)) is CubeConv2d


def test_plain_layers_start_as_without_cube():
    layers = []
    for cfg in (None, CUBE, dict(CUBE, router={}, mask={})):
        torch.manual_seed(0)
        layers.append(build_conv_layer(cfg, 3, 8, 7, stride=2))
    for layer in layers[1:]:
        assert layer.weight.equal(layers[0].weight)


def test_registry_of_mmcv_holds_the_class_of_what_it_builds():
    kinds = MODELS.module_dict['CubeConv2d'], CubeOrPlainConv2d
    for kind in ('CubeConv2d', CubeOrPlainConv2d):
        cube = build_conv_layer(dict(type=kind), 8, 8, 3, groups=2)
        plain = build_conv_layer(dict(type=kind), 8, 8, 3, dilation=2)
        assert (type(cube), type(plain)) == (CubeConv2d, nn.Conv2d)
        assert all(isinstance(conv, kinds) for conv in (cube, plain))
    assert type(build_conv_layer(dict(type=CubeConv2d), 8, 8, 3)) is CubeConv2d
