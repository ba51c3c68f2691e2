"""Layers and whole networks as they are deployed."""

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import prune

from mmseg_cube.layers import (
    ChannelRouter,
    CubeConv2d,
    CubeKernelBlock,
    switch_to_deploy,
)

BN = dict(type='BN')
SYNC = dict(type='SyncBN')
RANDOM = dict(method='random', seed=1)


def count(module, kind):
    return sum(isinstance(part, kind) for part in module.modules())


def convolution(module):
    """The one convolution of a deployed layer."""
    (conv,) = (m for m in module.modules() if isinstance(m, nn.Conv2d))
    return conv


@pytest.fixture
def deploy(as_trained):
    """Deploy a module, compare, and return the deployed one."""

    @torch.no_grad()
    def deploy(module, channels=16, norms=0, **options):
        as_trained(module.double()).eval()
        x = torch.randn(2, channels, 12, 10, dtype=torch.float64)
        deployed = switch_to_deploy(module, **options)
        exact = dict(atol=1e-10, rtol=0)
        torch.testing.assert_close(deployed(x), module(x), **exact)
        assert count(deployed, _BatchNorm) == norms
        assert not any(part.training for part in deployed.modules())
        return deployed

    return deploy


@pytest.mark.parametrize(
    'phase, bias', [('up_left', True), ('down_right', False)]
)
def test_any_shape_becomes_plain_or_stays(shape, phase, bias, build, deploy):
    options = dict(shape, phase=phase, bias=bias, mask=None)
    layer = build(**options, router=None)
    conv = convolution(deploy(layer))
    assert type(conv) is nn.Conv2d
    assert (conv.stride, conv.groups) == (layer.stride, layer.groups)
    assert (conv.bias is not None) == bias
    layer = build(**options, router=RANDOM)
    for _ in range(2):
        layer = deploy(layer, plain=False)
        assert type(layer) is CubeConv2d
        assert layer.router.method == 'given'


@pytest.mark.parametrize(
    'options, choice, stays',
    [
        # An order disappears into the weights.
        (dict(router=RANDOM), {}, False),
        (dict(router={}), {}, False),
        (dict(router=dict(method='sort')), {}, False),
        # But not across groups, nor with a mask.
        (dict(router=RANDOM, groups=2), {}, True),
        (dict(router=RANDOM, mask={}), dict(plain=True), True),
        (dict(router={}, mask={}), {}, True),
        # Plain only where channels are few, whatever the kernel.
        (dict(channels=64), {}, True),
        (dict(channels=64), dict(plain=True), False),
        (dict(channels=60), {}, False),
        (dict(channels=60), dict(plain=False), True),
        (dict(channels=28), dict(few=8), False),
        (dict(channels=32), dict(few=8), True),
        (dict(channels=64, lattice_kernel_size=4), {}, True),
        (dict(channels=60, lattice_kernel_size=4), {}, False),
        (dict(channels=64, scale=1), {}, False),
        (dict(channels=64, lattice_stride=1, router=RANDOM), {}, True),
        (dict(channels=256, scale=4, lattice_kernel_size=6), {}, True),
    ],
)
def test_plain_where_that_is_better(options, choice, stays, build, deploy):
    options = dict(dict(router=None, mask=None), **options)
    layer = build(**options)
    deployed = deploy(layer, layer.in_channels, **choice)
    kind = CubeConv2d if stays else nn.Conv2d
    assert type(convolution(deployed)) is kind
    names = {name.split('.')[-1] for name in deployed.state_dict()}
    if stays and layer.router is not None:
        order = layer.router.permutation()
        assert torch.equal(deployed.router.permutation(), order)
        names.remove('order')
    assert names == {'weight', 'bias'}


def test_mode_type_and_device_are_kept_and_weights_are_its_own():
    for training in (True, False):
        layer = CubeConv2d(8, 4, 3, dtype=torch.bfloat16).train(training)
        conv = convolution(layer.switch_to_deploy())
        assert conv.training == training
        assert conv.weight.dtype == torch.bfloat16
        nn.init.zeros_(conv.weight)
        assert layer.weight.any()
    meta = CubeConv2d(8, 4, 3, padding=1, device='meta').switch_to_deploy()
    assert convolution(meta).weight.is_meta


@pytest.mark.parametrize(
    'options, norms',
    [
        (dict(norm_cfg=BN, bias=True), 0),
        (dict(norm_cfg=SYNC, groups=2), 0),
        (dict(norm_cfg=BN, order=('act', 'conv', 'norm')), 0),
        (dict(norm_cfg=BN, padding_mode='reflect', bias=True), 0),
        (dict(norm_cfg=BN, efficient_conv_bn_eval=True), 0),
        (dict(norm_cfg=dict(BN, affine=False)), 0),
        (dict(norm_cfg=dict(type='GN', num_groups=2)), 0),
        (dict(norm_cfg=None), 0),
        # These cannot be folded.
        (dict(norm_cfg=BN, order=('norm', 'conv', 'act')), 1),
        (dict(norm_cfg=BN, order=('conv', 'act', 'norm')), 1),
        (dict(norm_cfg=dict(BN, track_running_stats=False)), 1),
        (dict(norm_cfg=BN, with_spectral_norm=True), 1),
        (dict(norm_cfg=BN, conv_cfg=dict(type='ConvAWS')), 1),
    ],
)
def test_conv_module(options, norms, deploy):
    module = deploy(ConvModule(8, 8, 3, padding=1, **options), 8, norms)
    other = (options['norm_cfg'] or {}).get('type') == 'GN'
    assert count(module, nn.GroupNorm) == other


class Misleading(ConvModule):
    """Norms behind convolutions whose output they do not get."""

    def __init__(self):
        super().__init__(8, 8, 3, padding=1, norm_cfg=BN)
        self.loc = nn.Conv2d(8, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.bn2 = nn.BatchNorm2d(8)

    def forward(self, x):
        x = torch.cat((self.loc(x), self.loc(x).relu()), 1) + self.conv(x)
        return self.bn2(self.conv2(self.norm(self.bn(x))).relu())


class NormAndActivation(nn.BatchNorm2d):
    """Like timm's BatchNormAct2d."""

    def forward(self, input):
        return super().forward(input).relu()


def test_only_a_norm_that_follows_directly_is_folded(deploy):
    conv, act, norm = nn.Conv2d(8, 8, 3), nn.ReLU(), nn.BatchNorm2d(8)
    hooked = nn.utils.spectral_norm(CubeConv2d(8, 8, 3, router={}))
    # A convolution with two norms.
    branches = [nn.Sequential(conv, nn.BatchNorm2d(8)) for _ in range(2)]
    for module, norms in (
        (Misleading(), 3),
        (nn.Sequential(conv, norm), 0),
        (nn.Sequential(conv, act, norm), 1),
        (nn.Sequential(norm, act, conv), 1),
        (nn.Sequential(conv, NormAndActivation(8)), 1),
        (nn.Sequential(hooked, norm), 1),
        # Norms differ within a cell, whose channels share their weights.
        (nn.Sequential(CubeConv2d(8, 8, 3, lattice_stride=1), norm), 1),
        (nn.Sequential(*branches), 2),
    ):
        deploy(module, 8, norms)


@pytest.mark.parametrize(
    'options',
    [
        dict(mask=None),
        dict(mask=None, residual=True, layer_scale=0.5, norm_cfg=SYNC),
        dict(residual=True, layer_scale=0.5),
        dict(mask=None, stride=2, phase='down_right'),
        dict(mask=None, kernel_size=5, groups=2, router=None, act_cfg=None),
        dict(mask=None, dilation=3, lattice_kernel_size=4),
    ],
)
def test_block(options, deploy):
    block = CubeKernelBlock(16, **options)
    deployed = deploy(block)
    assert count(deployed, CubeConv2d) == ('mask' not in options)
    once = deploy(block, plain=False)
    # Twice is once.
    for network, plain in ((deployed, None), (once, False)):
        twice = switch_to_deploy(network, plain)
        x = torch.randn(1, 16, 6, 6, dtype=torch.float64)
        assert str(twice) == str(network)
        assert torch.equal(twice(x), network(x))


def test_router_alone_and_layers_in_two_places(deploy):
    assert not list(deploy(ChannelRouter(16)).parameters())
    assert type(switch_to_deploy(ChannelRouter(16))) is nn.Identity
    conv = CubeConv2d(16, 16, 3, padding=1, router=dict())
    deployed = deploy(nn.Sequential(conv, nn.ReLU(), conv))
    assert deployed[0] is deployed[2]


def test_the_original_stays_as_it_is(build):
    net = nn.Sequential(build(block=True), build(block=True))
    net[1].eval()
    before = {name: t.clone() for name, t in net.state_dict().items()}
    modes = [part.training for part in net.modules()]
    text = str(net)
    switch_to_deploy(net)
    assert str(net) == text
    assert [part.training for part in net.modules()] == modes
    torch.testing.assert_close(dict(net.state_dict()), before, atol=0, rtol=0)


@pytest.mark.parametrize('part', ['weight', 'router.logits', 'mask.weight'])
def test_pruned_after_a_step_of_training(part, build, draw):
    conv, (owner, _, name) = build(), part.rpartition('.')
    prune.l1_unstructured(conv.get_submodule(owner), name, 0.5)
    expected = conv(draw())
    torch.testing.assert_close(switch_to_deploy(conv)(draw()), expected)


def test_frozen_weights_are_folded_in_their_type():
    net = nn.Sequential(CubeKernelBlock(16, mask=None)).bfloat16()
    net[0].conv.weight.requires_grad = False
    weights = switch_to_deploy(net).parameters()
    assert {p.dtype for p in weights} == {torch.bfloat16}


class InTurn(nn.Module):
    """Convolutions of which the second one may not be the only consumer."""

    def __init__(self, first, cube, kind='chain'):
        super().__init__()
        self.first, self.act, self.cube = first, nn.ReLU(), cube
        self.kind = kind

    def forward(self, x):
        x = self.act(self.first(x))
        if self.kind == 'branch':
            return self.cube(x) + x
        if self.kind == 'value' and x.sum() > 1e9:
            return x
        if self.kind == 'twice':
            x = self.first(x)
        if self.kind == 'weight':
            x = x - nn.functional.conv2d(x, self.first.weight)
        return self.cube(x)


def routed(groups=1, channels=16, out=16, **options):
    return CubeConv2d(
        channels, out, 3, padding=1, groups=groups, router=dict(), **options
    )


PLAIN = dict(kernel_size=3, padding=1)
MASKED = dict(mask=dict(), padding_mode='reflect')
SHARED = dict(lattice_stride=1, lattice_kernel_size=3)


@pytest.mark.parametrize(
    'module, left',
    [
        (InTurn(nn.Conv2d(16, 16, **PLAIN), routed(**MASKED)), 0),
        (InTurn(routed(mask=dict()), routed(2)), 1),
        (nn.Sequential(*[CubeKernelBlock(16) for _ in 'abc']), 1),
        (
            InTurn(
                ConvModule(16, 36, norm_cfg=BN, act_cfg=None, **PLAIN),
                routed(1, 36, 9, scale=3, lattice_stride=1, mask=dict()),
            ),
            0,
        ),
        # Others see the features, or may, or outputs cannot be put in order.
        (InTurn(nn.Conv2d(16, 16, 1), routed(**MASKED), 'branch'), 1),
        (InTurn(nn.Conv2d(16, 16, 1), routed(**MASKED), 'value'), 1),
        (InTurn(nn.Conv2d(16, 16, 1), routed(**MASKED), 'twice'), 1),
        (InTurn(nn.Conv2d(16, 16, 1), routed(**MASKED), 'weight'), 1),
        (InTurn(nn.Conv2d(16, 16, 1, groups=2), routed(**MASKED)), 1),
        (InTurn(nn.PReLU(16), routed(**MASKED)), 1),
        (InTurn(CubeConv2d(16, 16, 1, **SHARED), routed(**MASKED)), 1),
        (nn.Sequential(*[routed(**MASKED)] * 2), 1),
        (CubeKernelBlock(16, residual=True, layer_scale=0.5), 1),
    ],
)
def test_orders_go_into_the_layer_in_front(module, left, deploy):
    deployed = deploy(module, plain=False)
    assert count(deployed, ChannelRouter) == left
    x = torch.randn(1, 16, 6, 7, dtype=torch.float64)
    torch.testing.assert_close(switch_to_deploy(deployed)(x), module(x))


PARTS = ('first', 'first.conv', 'first.bn', 'act', 'cube', 'cube.router')


@pytest.mark.parametrize('name', PARTS)
def test_hooks_see_channels_in_their_order(name, as_trained):
    first = ConvModule(16, 16, 1, norm_cfg=BN, act_cfg=None)
    module, seen = as_trained(InTurn(first, routed())).eval(), []
    part, x = module.get_submodule(name), torch.randn(1, 16, 6, 7)
    part.register_forward_hook(lambda _, given, out: seen.append((given, out)))
    for network in (module, switch_to_deploy(module)):
        network(x)
    torch.testing.assert_close(*seen)
