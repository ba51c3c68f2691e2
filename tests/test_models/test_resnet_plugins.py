"""``CubeKernelBlock`` as a plugin of mmseg's ResNets."""

import copy
from functools import cache

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.layers import CubeKernelBlock, summarise
from mmseg_cube.models import CubeBackbone

SMALL = dict(depth=50, base_channels=8, stem_channels=8)
# Bottlenecks as wide as those of the ResNet.
NARROW = dict(type='ResNeXt', groups=2, base_width=4)
KINDS = [dict(type='ResNet'), dict(type='ResNetV1c'), NARROW]
POSITIONS = ('after_conv1', 'after_conv2', 'after_conv3')
NAME = 'cube_kernel_block'


def plugin(position, stages=(False, True, False, True), **options):
    cfg = dict(type='CubeKernelBlock', **dict(dict(residual=True), **options))
    return dict(cfg=cfg, stages=stages, position=position)


def build(kind, *plugins, **options):
    torch.manual_seed(1)
    cfg = SMALL | copy.deepcopy(kind) | options
    return MODELS.build(dict(cfg, plugins=list(plugins) or None))


@cache
def pretrained(kind):
    """Plain network in which no weight and no statistic is as built."""
    model = build(dict(kind))
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.normal_(module.bias, std=0.2)
    return model


def plain_twin(kind):
    return copy.deepcopy(pretrained(tuple(kind.items())))


def image():
    torch.manual_seed(2)
    return torch.randn(2, 3, 41, 55)


def blocks(model):
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, CubeKernelBlock)
    }


def assert_same_outputs(model, plain, training=False):
    # Norms over the few sites of a small batch magnify any difference.
    tolerance = 1e-2 if training else 1e-4
    # mmseg's ResNet.train returns nothing, so nothing can be chained.
    for network in (model, plain):
        network.train(training)
    with torch.no_grad():
        for one, two in zip(model(image()), plain(image()), strict=True):
            assert (one - two).abs().max() <= tolerance * two.abs().max()


@pytest.mark.parametrize(
    'kind, position',
    [
        (KINDS[0], 'after_conv1'),
        (KINDS[0], 'after_conv2'),
        (KINDS[1], 'after_conv3'),
        (NARROW, 'after_conv2'),
    ],
    ids=lambda value: value if isinstance(value, str) else value['type'],
)
def test_pretrained_network_is_unchanged_at_first_and_learns(kind, position):
    plain = plain_twin(kind)
    model = build(kind, plugin(position))
    model.init_weights()
    result = model.load_state_dict(plain.state_dict(), strict=False)
    assert not result.unexpected_keys
    assert result.missing_keys
    assert all(f'.{NAME}.' in key for key in result.missing_keys)
    # Four bottlenecks of the second stage, three of the last one.
    assert {name[:8] for name in blocks(model)} == {
        f'layer{stage}.{i}' for stage, n in ((2, 4), (4, 3)) for i in range(n)
    }
    for training in (False, True):
        assert_same_outputs(model, plain, training)
    sum(out.square().sum() for out in model(image())).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.any(), name
    stem = 3 if kind['type'] == 'ResNetV1c' else 1
    line = f'Cube kernels: 7 of {52 + stem + 7} convolutions; '
    assert summarise(model).startswith(line)


def test_options_reach_the_block():
    options = dict(residual=False, router=None, mask=dict(kernel_size=3))
    model = build(KINDS[0], plugin('after_conv2', **options))
    for block in blocks(model).values():
        assert block.gamma is None
        assert block.conv.router is None
        assert block.conv.mask.kernel_size == 3
    found = blocks(build(KINDS[0], plugin('after_conv3', stages=None)))
    assert len(found) == 16
    assert found[f'layer1.0.{NAME}'].conv.in_channels == 32


def test_several_plugins_need_names():
    several = [plugin(place, postfix=f'_{place}') for place in POSITIONS]
    model = build(KINDS[0], *several)
    names = {name.split('.')[2] for name in blocks(model)}
    assert names == {f'{NAME}_{place}' for place in POSITIONS}
    plain = plain_twin(KINDS[0])
    model.load_state_dict(plain.state_dict(), strict=False)
    assert_same_outputs(model, plain)
    with pytest.raises(AssertionError, match=f'duplicate plugin {NAME}'):
        build(KINDS[0], *map(plugin, POSITIONS))


def test_frozen_stages_freeze_their_plugins():
    frozen = dict(frozen_stages=2, norm_eval=True)
    model = build(KINDS[0], plugin('after_conv2'), **frozen)
    model.init_weights()
    model.train()
    for name, block in blocks(model).items():
        learns = name.startswith('layer4')
        assert {p.requires_grad for p in block.parameters()} == {learns}
        # norm_eval holds for all norms within; CubeBackbone spares its own.
        assert not block.norm.training
    sum(out.square().sum() for out in model(image())).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_limits():
    # Rules of mmseg; CubeBackbone goes around the first one.
    with pytest.raises(AssertionError, match='Not implemented yet'):
        build(dict(type='ResNet'), plugin('after_conv2'), depth=18)
    plain = dict(SMALL, type='ResNet', depth=18)
    model = CubeBackbone(plain, insert=dict(stages=(1, 3)))
    assert len(blocks(model)) == 2
    # It tells plugins the width of a ResNet's bottleneck.
    wide = dict(NARROW, groups=4)
    assert len(build(wide, plugin('after_conv3'))(image())) == 4
    with pytest.raises((RuntimeError, ValueError), match=r'\b16\b'):
        build(wide, plugin('after_conv2'))(image())
    with pytest.raises(ValueError, match='in_channels must .* got 6'):
        build(KINDS[0], plugin('after_conv2', stages=None), base_channels=6)
