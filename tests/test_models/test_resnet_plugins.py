"""``CubeKernelBlock`` as a plugin of mmseg's ResNets."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_cube.layers import summarise

RESNET = dict(type='ResNet')
# Bottlenecks as wide as those of the ResNet.
NARROW = dict(type='ResNeXt', groups=2, base_width=4)
NAME = 'cube_kernel_block'


def build(kind, position=None):
    torch.manual_seed(1)
    small = dict(depth=50, base_channels=8, stem_channels=8)
    block = dict(type='CubeKernelBlock', residual=True)
    stages = False, True, False, True
    plugin = dict(cfg=block, stages=stages, position=position)
    return MODELS.build(small | kind | dict(plugins=position and [plugin]))


@pytest.mark.parametrize(
    'kind, position',
    [
        (RESNET, 'after_conv1'),
        (NARROW, 'after_conv2'),
        (dict(type='ResNetV1c'), 'after_conv3'),
    ],
    ids=lambda value: value if isinstance(value, str) else value['type'],
)
def test_pretrained_network_is_unchanged_at_first_and_learns(kind, position):
    plain = build(kind)
    model = build(kind, position)
    image = torch.randn(2, 3, 41, 55)
    model.init_weights()
    result = model.load_state_dict(plain.state_dict(), strict=False)
    assert not result.unexpected_keys
    assert result.missing_keys
    assert all(f'.{NAME}.' in key for key in result.missing_keys)
    plain.eval()
    model.eval()
    with torch.no_grad():
        for one, two in zip(model(image), plain(image), strict=True):
            assert (one - two).abs().max() <= 1e-4 * two.abs().max()
    model.train()
    sum(out.square().sum() for out in model(image)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.any(), name
    # Four bottlenecks of the second stage, three of the last one.
    stem = 3 if kind['type'] == 'ResNetV1c' else 1
    line = f'Cube kernels: 7 of {52 + stem + 7} convolutions; '
    assert summarise(model).startswith(line)
