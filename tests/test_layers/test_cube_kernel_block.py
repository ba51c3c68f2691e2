import pytest
import torch
from mmcv.cnn import build_plugin_layer
from mmengine.registry import MODELS

from mmseg_cube.layers import CubeConv2d, CubeKernelBlock


def test_order_of_its_parts():
    torch.manual_seed(0)
    block = CubeKernelBlock(16, 8, stride=2)
    x = torch.randn(2, 16, 9, 8)
    expected = torch.relu(block.bn(block.conv(x)))
    assert expected.shape == (2, 8, 5, 4)
    torch.testing.assert_close(block(x), expected)
    assert isinstance(block.conv, CubeConv2d)
    assert block.conv.router.method == 'sinkhorn'
    assert block.conv.mask.kernel_size == 5


def test_parameter_names():
    names = {
        name.split('.')[0]
        for name, _ in CubeKernelBlock(16).named_parameters()
    }
    assert names == {'conv', 'bn'}


def test_parts_are_optional():
    block = CubeKernelBlock(
        8, router=None, mask=None, norm_cfg=None, act_cfg=None
    )
    assert [n for n, _ in block.named_parameters()] == [
        'conv.weight',
        'conv.bias',
    ]


def test_residual_form_is_the_identity_and_learns():
    block = CubeKernelBlock(16, residual=True)
    x = torch.randn(2, 16, 6, 6)
    out = block(x)
    torch.testing.assert_close(out, x, atol=1e-4, rtol=0)
    out.square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    'options', [dict(out_channels=4), dict(stride=2), dict(padding=0)]
)
def test_residual_form_must_keep_the_shape(options):
    with pytest.raises(ValueError, match='must keep the shape'):
        CubeKernelBlock(8, residual=True, **options)


def test_does_not_fall_back():
    with pytest.raises(ValueError, match='divisible by scale.*got 6'):
        CubeKernelBlock(6)


def test_as_a_plugin():
    cfg = dict(type='CubeKernelBlock', residual=True)
    name, layer = build_plugin_layer(cfg, in_channels=8, postfix='_1')
    assert name == 'cube_kernel_block_1'
    assert layer(torch.randn(1, 8, 5, 5)).shape == (1, 8, 5, 5)


@pytest.mark.parametrize('position', ['after_conv2', 'after_conv3'])
def test_in_a_resnet(position):
    plugin = dict(
        cfg=dict(type='CubeKernelBlock', residual=True),
        stages=(False, True, False, False),
        position=position,
    )
    cfg = dict(type='mmseg.ResNet', depth=50, base_channels=8, norm_eval=False)
    torch.manual_seed(0)
    net = MODELS.build(dict(cfg, plugins=[plugin]))
    net.init_weights()
    plain = MODELS.build(cfg)
    wrong = plain.load_state_dict(net.state_dict(), strict=False)
    assert not wrong.missing_keys
    assert all('cube_kernel_block' in k for k in wrong.unexpected_keys)
    x = torch.randn(1, 3, 64, 64)
    # mmseg's ResNet.train returns nothing, so the calls cannot be chained.
    net.eval()
    plain.eval()
    for a, b in zip(net(x), plain(x), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
