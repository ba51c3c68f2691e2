"""Cube convolutions as they are deployed: plain, or with a fixed order."""

import copy

import pytest
import torch
from torch import nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import FEW_CHANNELS

RANDOM = dict(method='random', seed=1)


def build(channels=16, **options):
    torch.manual_seed(0)
    options = dict(kernel_size=3, padding=1) | options
    layer = CubeConv2d(channels, 12, **options).double()
    for name, parameter in layer.named_parameters():
        if name.startswith(('router', 'mask')):
            nn.init.normal_(parameter)
    return layer


def deploy(layer, **options):
    """Deploy a copy, compare it with the layer, and return it."""
    x = torch.randn(2, layer.in_channels, 9, 8, dtype=torch.float64)
    deployed = copy.deepcopy(layer).switch_to_deploy(**options)
    torch.testing.assert_close(deployed(x), layer(x), atol=1e-12, rtol=0)
    # The operator that assigns channels is gone.
    graph = torch.jit.trace(deployed, x, check_trace=False).inlined_graph
    assert 'mmseg_cube::' not in str(graph)
    return deployed


def convolution(module):
    """The one convolution of a deployed layer."""
    (conv,) = (m for m in module.modules() if isinstance(m, nn.Conv2d))
    return conv


@pytest.mark.parametrize(
    'phase, bias', [('up_left', True), ('down_right', False)]
)
def test_becomes_a_plain_convolution(shape, phase, bias):
    layer = build(phase=phase, bias=bias, **shape)
    conv = convolution(deploy(layer))
    assert type(conv) is nn.Conv2d
    assert conv.stride == layer.stride
    assert conv.groups == layer.groups
    assert (conv.bias is not None) == bias


@pytest.mark.parametrize('router', [RANDOM, dict(), dict(method='sort')])
def test_order_disappears_into_the_weights(router):
    layer = build(router=router)
    assert layer.router.permutation().tolist() != list(range(16))
    deployed = deploy(layer)
    assert type(convolution(deployed)) is nn.Conv2d
    assert len(deployed.state_dict()) == 2


@pytest.mark.parametrize(
    'options, plain',
    [
        (dict(groups=2), None),
        (dict(mask=dict()), True),
        (dict(mask=dict()), False),
        (dict(mask=dict(), router=dict()), None),
    ],
)
def test_what_must_stay_has_its_order_fixed(options, plain):
    layer = build(**dict(router=RANDOM) | options)
    before = layer.router.permutation()
    deployed = deploy(layer, plain=plain)
    assert type(deployed) is CubeConv2d
    assert deployed.router.method == 'given'
    assert torch.equal(deployed.router.permutation(), before)
    names = set(layer.state_dict()) - {'router.logits'}
    assert set(deployed.state_dict()) == names | {'router.order'}


def test_stays_itself_where_asked_to(shape):
    layer = build(router=RANDOM, **shape)
    for _ in range(2):
        layer = deploy(layer, plain=False)
        assert type(layer) is CubeConv2d
        assert layer.router.method == 'given'


@pytest.mark.parametrize(
    'options, plain',
    [
        # Only where channels are few, whatever the kernel.
        (dict(), False),
        (dict(channels=60), True),
        (dict(few=8, channels=28), True),
        (dict(lattice_kernel_size=4), False),
        (dict(lattice_kernel_size=4, channels=60), True),
        (dict(scale=1), True),
        (dict(lattice_stride=1, router=RANDOM), False),
        (dict(scale=4, channels=256, lattice_kernel_size=6), False),
    ],
)
def test_becomes_plain_where_that_is_better(options, plain):
    options = dict(channels=64) | options
    rule = dict(few=options.pop('few', FEW_CHANNELS))
    layer = build(**options)
    kind = nn.Conv2d if plain else CubeConv2d
    assert type(convolution(deploy(layer, **rule))) is kind
    assert type(convolution(deploy(layer, plain=True))) is nn.Conv2d
    assert type(deploy(layer, plain=False)) is CubeConv2d


@pytest.mark.parametrize('method', ['none', 'sinkhorn', 'sort'])
def test_identity_disappears(method):
    layer = CubeConv2d(16, 6, 3, router=dict(method=method)).double()
    assert len(deploy(layer, plain=True).state_dict()) == 2
    deployed = deploy(layer, plain=False)
    assert deployed.router is None
    assert list(deployed.state_dict()) == ['weight', 'bias']


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
