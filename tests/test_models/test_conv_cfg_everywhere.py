"""``conv_cfg=dict(type='CubeConv2d')`` in mmseg's own networks."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_cube.layers import CubeConv2d, summarise, switch_to_deploy
from mmseg_cube.models.backbones.dry_run import to_stages

CUBE = dict(type='CubeConv2d', router=dict())
BN = dict(type='BN')
WRAPPED = Config.fromfile(Path(__file__).parent / 'test_backbones/wrapped.py')
UNET, HRNET = (dict(WRAPPED[k].backbone) for k in ('unet', 'hrnet'))
SMALL = dict(
    base_channels=8,
    stem_channels=8,
    # Or most parameters would not get a gradient at first.
    zero_init_residual=False,
)
# Strides and dilations of mmseg's PSPNet and DeepLab configs.
DILATED = dict(
    strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), contract_dilation=True
)
BACKBONES = {
    'unet-deconv': dict(UNET, upsample_cfg=dict(type='DeconvModule')),
    'unet-dilated': dict(UNET, with_cp=True, enc_dilations=(1, 2, 3)),
    'resnet': dict(type='ResNetV1c', depth=18, with_cp=True, **SMALL),
    'resnet-dilated': dict(
        type='ResNetV1d', depth=50, multi_grid=(1, 2, 4), **DILATED, **SMALL
    ),
    'resnext': dict(type='ResNeXt', depth=50, groups=2, base_width=4, **SMALL),
    'hrnet': HRNET,
    'mobilenet-v3': dict(type='MobileNetV3', arch='small'),
}
CHANNELS = (8, 8, 12, 16)
SIZES = (33, 17, 9, 5)


def head(kind, levels=4, **options):
    every = dict(in_channels=list(CHANNELS), in_index=[0, 1, 2, 3])
    last = dict(in_channels=CHANNELS[-1], in_index=3)
    shared = dict(type=kind, channels=8, num_classes=2, norm_cfg=BN)
    return dict(shared | (every if levels == 4 else last), **options)


ATROUS = dict(levels=1, dilations=(1, 2, 3))
OTHERS = {
    'upernet': head('UPerHead'),
    'fcn': head('FCNHead', 1, dilation=3, kernel_size=5),
    'psp': head('PSPHead', 1),
    'aspp': head('ASPPHead', **ATROUS),
    'aspp-separable': head(
        'DepthwiseSeparableASPPHead', c1_in_channels=8, c1_channels=4, **ATROUS
    ),
    'fpn-head': head('FPNHead', feature_strides=[4, 8, 16, 32]),
    'fpn': dict(
        type='FPN',
        in_channels=list(CHANNELS),
        out_channels=8,
        num_outs=5,
        add_extra_convs='on_input',
    ),
}
TABLE = BACKBONES | OTHERS


def build(name, conv_cfg=None):
    torch.manual_seed(0)
    # As in a Runner; mmcv looks there for the upsampling of UNet.
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(dict(TABLE[name], conv_cfg=conv_cfg))
    model.init_weights()
    return model


def inputs(name):
    """An image, or maps, of odd sizes where the network takes them."""
    torch.manual_seed(1)
    if name in OTHERS:
        return [
            torch.randn(2, channels, size, size + 2)
            for channels, size in zip(CHANNELS, SIZES, strict=True)
        ]
    # UNet wants whole multiples; at its coarsest stage these are odd.
    height, width = (20, 28) if 'unet' in name else (33, 47)
    return torch.randn(2, 3, height, width)


def parts(model, kind):
    return {n: m for n, m in model.named_modules() if isinstance(m, kind)}


def can_be_cube(conv):
    return (
        type(conv) is nn.Conv2d
        and min(conv.kernel_size) > 1
        and conv.in_channels // conv.groups % 4 == 0
        and all(d % 2 for d in conv.dilation)
    )


@pytest.mark.parametrize('name', TABLE)
def test_every_convolution_that_can_be_is_a_cube_and_learns(name):
    cube, plain = build(name, CUBE), build(name)
    before = parts(plain, nn.Conv2d)
    after = parts(cube, nn.Conv2d)
    assert before.keys() == after.keys()
    for key, conv in before.items():
        kind = CubeConv2d if can_be_cube(conv) else type(conv)
        assert type(after[key]) is kind, key
    cubes = len(parts(cube, CubeConv2d))
    # All their kernels are depthwise or 1 x 1, but for the stem.
    assert (cubes == 0) == name.startswith('mobilenet')
    number = len(after) + len(parts(cube, nn.ConvTranspose2d))
    start = f'Cube kernels: {cubes} of {number} convolutions; '
    assert summarise(cube).startswith(start)

    x = inputs(name)
    for model in (cube, plain):
        model.train()
    expected, found = to_stages(plain(x)), to_stages(cube(x))
    assert [o.shape for o in found] == [o.shape for o in expected]
    sum(o.square().sum() for o in found).backward()
    for key, parameter in cube.named_parameters():
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key
    for model in (cube, plain):
        model.eval()
    with torch.no_grad():
        expected, found = to_stages(plain(x)), to_stages(cube(x))
        deployed = switch_to_deploy(cube)
        again = to_stages(deployed(x))
    if name.startswith('res'):
        assert not parts(deployed, _BatchNorm)
    assert [o.shape for o in found] == [o.shape for o in expected]
    for one, two in zip(found, again, strict=True):
        assert one.isfinite().all()
        assert (one - two).abs().max() <= 1e-4 * one.abs().max()
