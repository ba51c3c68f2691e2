"""Whole networks as they are deployed."""

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_cube.layers import (
    ChannelRouter,
    CubeConv2d,
    CubeKernelBlock,
    SpatialMask,
    switch_to_deploy,
)

BN = dict(type='BN')
SYNC = dict(type='SyncBN')


@torch.no_grad()
def train(module):
    """Leave nothing as it is in a fresh module: it would prove nothing."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, ChannelRouter):
            for parameter in part.parameters():
                parameter.normal_()
        elif isinstance(part, SpatialMask):
            part.weight.normal_(0, 0.5)
        elif isinstance(part, _BatchNorm) and part.affine:
            part.weight.uniform_(0.5, 1.5)
            part.bias.normal_()
        if isinstance(part, _BatchNorm) and part.track_running_stats:
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    module.eval()
    return module


def count(module, kind):
    return sum(isinstance(part, kind) for part in module.modules())


def check(module, channels=8, norms=0, dtype=torch.float32, **options):
    """Deploy a module, compare, and return the deployed one."""
    train(module)
    x = torch.randn(2, channels, 12, 10, dtype=dtype)
    deployed = switch_to_deploy(module, **options)
    limit = dict(atol=1e-5 if dtype == torch.float32 else 1e-10, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(deployed(x), module(x), **limit)
    assert count(deployed, _BatchNorm) == norms
    assert not any(part.training for part in deployed.modules())
    return deployed


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
def test_conv_module(options, norms):
    module = check(ConvModule(8, 8, 3, padding=1, **options), norms=norms)
    other = (options['norm_cfg'] or {}).get('type') == 'GN'
    assert count(module, nn.GroupNorm) == other


class Misleading(nn.Module):
    """Norms behind convolutions whose output they do not get."""

    def __init__(self):
        super().__init__()
        self.loc = nn.Conv2d(8, 4, 3, padding=1)
        self.sur = nn.Conv2d(8, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.bn2 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.bn3 = nn.BatchNorm2d(8)

    def forward(self, x):
        x = torch.cat((self.loc(x), self.loc(x).relu()), 1) + self.sur(x)
        return self.bn3(self.conv2(self.bn2(self.bn(x))).relu())


class NormAndActivation(nn.BatchNorm2d):
    """Like timm's BatchNormAct2d."""

    def forward(self, input):
        return super().forward(input).relu()


def test_only_a_norm_that_follows_directly_is_folded():
    check(Misleading(), norms=3)
    conv, act, norm = nn.Conv2d(8, 8, 3), nn.ReLU(), nn.BatchNorm2d(8)
    check(nn.Sequential(conv, norm))
    check(nn.Sequential(conv, act, norm), norms=1)
    check(nn.Sequential(norm, act, conv), norms=1)
    check(nn.Sequential(conv, NormAndActivation(8)), norms=1)
    cube = nn.utils.spectral_norm(CubeConv2d(16, 8, 3, router=dict()))
    check(nn.Sequential(cube, norm), channels=16, norms=1)
    # A convolution with two norms.
    branches = [nn.Sequential(conv, nn.BatchNorm2d(8)) for _ in range(2)]
    check(nn.Sequential(*branches), norms=2)


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
def test_block(options):
    block = CubeKernelBlock(16, **options)
    deployed = check(block, channels=16)
    assert count(deployed, CubeConv2d) == ('mask' not in options)
    once = check(block, channels=16, plain=False)
    # Twice is once.
    for network, plain in ((deployed, None), (once, False)):
        twice = switch_to_deploy(network, plain)
        x = torch.randn(1, 16, 6, 6)
        assert str(twice) == str(network)
        assert torch.equal(twice(x), network(x))


def test_router_alone_and_layers_in_two_places():
    deployed = check(ChannelRouter(16), channels=16)
    assert not list(deployed.parameters())
    assert type(switch_to_deploy(ChannelRouter(16))) is nn.Identity
    conv = CubeConv2d(16, 16, 3, padding=1, router=dict())
    deployed = check(nn.Sequential(conv, nn.ReLU(), conv), channels=16)
    assert deployed[0] is deployed[2]


def test_the_original_stays_as_it_is():
    blocks = CubeKernelBlock(16), CubeKernelBlock(16)
    net = train(nn.Sequential(*blocks)).train()
    net[1].eval()
    before = {name: t.clone() for name, t in net.state_dict().items()}
    modes = [part.training for part in net.modules()]
    text = str(net)
    switch_to_deploy(net)
    assert str(net) == text
    assert [part.training for part in net.modules()] == modes
    torch.testing.assert_close(dict(net.state_dict()), before, atol=0, rtol=0)


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_type_and_frozen_weights_are_kept(dtype):
    net = train(nn.Sequential(CubeKernelBlock(16, mask=None))).to(dtype)
    net[0].conv.weight.requires_grad = False
    x = torch.randn(1, 16, 6, 6, dtype=dtype)
    deployed = switch_to_deploy(net)
    assert {p.dtype for p in deployed.parameters()} == {dtype}
    assert deployed(x).dtype == dtype
    if dtype == torch.float64:
        torch.testing.assert_close(deployed(x), net(x), atol=1e-12, rtol=0)


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
def test_orders_go_into_the_layer_in_front(module, left):
    module.double()
    deployed = check(module, 16, plain=False, dtype=torch.float64)
    assert count(deployed, ChannelRouter) == left
    x = torch.randn(1, 16, 6, 7, dtype=torch.float64)
    torch.testing.assert_close(switch_to_deploy(deployed)(x), module(x))


PARTS = ('first', 'first.conv', 'first.bn', 'act', 'cube', 'cube.router')


@pytest.mark.parametrize('name', PARTS)
def test_hooks_see_channels_in_their_order(name):
    first = ConvModule(16, 16, 1, norm_cfg=BN, act_cfg=None)
    module, seen = train(InTurn(first, routed())), []
    part, x = module.get_submodule(name), torch.randn(1, 16, 6, 7)
    part.register_forward_hook(lambda _, given, out: seen.append((given, out)))
    for network in (module, switch_to_deploy(module)):
        network(x)
    torch.testing.assert_close(*seen)
