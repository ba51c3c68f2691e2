"""``conv_cfg=dict(type='CubeConv2d')`` in mmseg's own networks."""

import copy
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.layers import CubeConv2d, summarise, switch_to_deploy
from mmseg_cube.models import CubeBackbone

CUBE = dict(type='CubeConv2d')
ROUTED = dict(CUBE, router=dict())
FULL = dict(ROUTED, mask=dict())
BN = dict(type='BN')


def resnet(kind, depth=18, **options):
    return dict(
        type=kind,
        depth=depth,
        base_channels=8,
        stem_channels=8,
        # Or most parameters would not get a gradient at first.
        zero_init_residual=False,
        **options,
    )


WRAPPED = Config.fromfile(Path(__file__).parent / 'test_backbones/wrapped.py')
UNET, HRNET = (dict(WRAPPED[k].backbone) for k in ('unet', 'hrnet'))
# Strides and dilations of mmseg's PSPNet and DeepLab configs.
DILATED = dict(
    strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), contract_dilation=True
)
BACKBONES = {
    'unet': UNET,
    'unet-deconv': dict(UNET, upsample_cfg=dict(type='DeconvModule')),
    'unet-dilated': dict(UNET, with_cp=True, enc_dilations=(1, 2, 3)),
    'resnet': resnet('ResNet', 50, style='caffe'),
    'resnet-v1c': resnet('ResNetV1c', with_cp=True),
    'resnet-dilated': resnet('ResNetV1d', 50, multi_grid=(1, 2, 4), **DILATED),
    'resnext': resnet('ResNeXt', 50, groups=2, base_width=4),
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
    'fcn': head('FCNHead', 1, num_convs=2, concat_input=True),
    'fcn-dilated': head('FCNHead', 1, dilation=3, kernel_size=5),
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
EVERY = pytest.mark.parametrize('name', TABLE)


@cache
def built(name, kind):
    torch.manual_seed(0)
    conv_cfg = dict(plain=None, cube=CUBE, routed=ROUTED, full=FULL)[kind]
    # As in a Runner; mmcv looks there for the upsampling of UNet.
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(dict(TABLE[name], conv_cfg=conv_cfg))
    model.init_weights()
    return model


def build(name, kind='cube'):
    return copy.deepcopy(built(name, kind))


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


def outputs(model, x):
    found = model(x)
    return [found] if isinstance(found, torch.Tensor) else list(found)


def convolutions(model, kind):
    return {n: m for n, m in model.named_modules() if isinstance(m, kind)}


def can_be_cube(conv):
    return (
        type(conv) is nn.Conv2d
        and min(conv.kernel_size) > 1
        and conv.in_channels // conv.groups % 4 == 0
        and all(d % 2 for d in conv.dilation)
    )


@EVERY
def test_every_convolution_that_can_be_is_a_cube(name):
    cube, plain = build(name), build(name, 'plain')
    before = convolutions(plain, nn.Conv2d)
    after = convolutions(cube, nn.Conv2d)
    assert before.keys() == after.keys()
    for key, conv in before.items():
        kind = CubeConv2d if can_be_cube(conv) else type(conv)
        assert type(after[key]) is kind, key
    cubes = len(convolutions(cube, CubeConv2d))
    # All their kernels are depthwise or 1 x 1, but for the stem.
    assert (cubes == 0) == name.startswith('mobilenet')
    number = len(after) + len(convolutions(cube, nn.ConvTranspose2d))
    start = f'Cube kernels: {cubes} of {number} convolutions; '
    assert summarise(cube).startswith(start)
    # Whatever stayed plain could not be otherwise, asked for or not.
    found = dict(reasons(cube))
    assert 'not chosen' not in found
    if cubes:
        found['not chosen'] = str(cubes)
    assert dict(reasons(plain)) == found


def reasons(model):
    """Reasons in a summary, with their numbers."""
    for part in summarise(model).split('; the others: ')[1].split(', '):
        number, reason = part.split(' ', 1)
        yield reason, number


@pytest.mark.parametrize(
    'name, kind',
    [(name, 'routed') for name in TABLE]
    + [(name, 'full') for name in ('resnet-v1c', 'unet', 'hrnet', 'upernet')],
)
def test_it_trains_and_predicts(name, kind):
    cube, plain = build(name, kind), build(name, 'plain')
    x = inputs(name)
    for model in (cube, plain):
        model.train()
    expected, found = outputs(plain, x), outputs(cube, x)
    assert [o.shape for o in found] == [o.shape for o in expected]
    sum(o.square().sum() for o in found).backward()
    for key, parameter in cube.named_parameters():
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key
    for model in (cube, plain):
        model.eval()
    with torch.no_grad():
        expected, found = outputs(plain, x), outputs(cube, x)
        deployed = outputs(switch_to_deploy(cube), x)
    assert [o.shape for o in found] == [o.shape for o in expected]
    for one, two in zip(found, deployed, strict=True):
        assert one.isfinite().all()
        assert (one - two).abs().max() <= 1e-4 * one.abs().max()


@pytest.mark.parametrize(
    'name, spread',
    [('resnet', 1), ('hrnet', 1), ('upernet', 1), ('fpn', 1.26)],
)
def test_initialisation_of_the_network_reaches_cubes(name, spread):
    """Weights are as large as plain ones, to which norms are blind.

    mmengine's Kaiming initialisation goes by output channels. Xavier's goes
    by input channels as well, of which a Cube has a quarter.
    """
    cube = convolutions(build(name), CubeConv2d)
    plain = convolutions(build(name, 'plain'), nn.Conv2d)
    ratios = [
        c.weight.std() / plain[key].weight.std() for key, c in cube.items()
    ]
    assert float(sum(ratios)) / len(ratios) == pytest.approx(spread, rel=0.1)
    for conv in convolutions(build(name, 'full'), CubeConv2d).values():
        order = conv.router.permutation()
        assert order.equal(torch.arange(len(order)))
        assert not conv.mask.weight.any()


@pytest.fixture
def log(caplog):
    """Lines that mmengine's logger writes."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_reasons_are_those_of_cube_backbone(log):
    cfg = TABLE['resnet-dilated']
    cube = CubeBackbone(cfg, dict(stages=(0, 1), kernel_sizes=3))
    (line,) = (m for m in log.messages if m.startswith('CubeBackbone: '))
    kept = line.split('; kept: ')[1]
    assert 'not chosen' in kept
    assert summarise(cube).split('; the others: ')[1] == kept
