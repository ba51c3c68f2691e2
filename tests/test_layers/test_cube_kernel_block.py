import pytest
import torch
from mmcv.cnn import ConvModule

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


def test_parts_are_optional():
    def names(**options):
        return [n for n, _ in CubeKernelBlock(8, **options).named_parameters()]

    assert {name.split('.')[0] for name in names()} == {'conv', 'bn'}
    parts = ('router', 'mask', 'norm_cfg', 'act_cfg')
    assert names(**dict.fromkeys(parts)) == ['conv.weight', 'conv.bias']


def test_options_are_those_of_its_convolution():
    options = dict(stride=2, padding=3, dilation=2, groups=2, scale=3)
    options.update(lattice_kernel_size=4, lattice_stride=1, phase='down_right')
    block, conv = (
        CubeKernelBlock(36, **options),
        CubeConv2d(36, 36, 3, **options),
    )
    assert block.conv.geometry == conv.geometry


def test_residual_form_is_the_identity_and_learns():
    block = CubeKernelBlock(16, residual=True)
    x = torch.randn(2, 16, 6, 6)
    out = block(x)
    torch.testing.assert_close(out, x, atol=1e-4, rtol=0)
    out.square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    block = CubeKernelBlock(16, residual=True, layer_scale=0.5)
    inner = ConvModule.forward(block, x)
    torch.testing.assert_close(block(x), x + 0.5 * inner)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(out_channels=4), 'must keep the shape'),
        (dict(stride=2), 'must keep the shape'),
        (dict(padding=0), 'must keep the shape'),
        (dict(in_channels=6), 'divisible by scale.*got 6'),
        (dict(kernel_size=(3, 3)), r'kernel_size must be a whole .*\(3, 3\)'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        CubeKernelBlock(**dict(in_channels=8, residual=True) | options)
