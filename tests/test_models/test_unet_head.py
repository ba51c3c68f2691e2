import pytest
import torch
from mmseg.registry import MODELS

from mmseg_cube.layers import CubeConv2d

CHANNELS = [8, 16, 24, 32]
CUBE = dict(type='CubeConv2d')


def build(**options):
    cfg = dict(
        type='UNetHead',
        in_channels=CHANNELS,
        widths=[16, 8, 8, 8, 8],
        norm_cfg=dict(type='BN'),
    )
    return MODELS.build(dict(cfg, **options))


def stages(height, width):
    return [
        torch.randn(2, c, -(-height // (4 << i)), -(-width // (4 << i)))
        for i, c in enumerate(CHANNELS)
    ]


@pytest.mark.parametrize('num_convs', [1, 2, 3])
def test_levels(num_convs):
    cube = dict(CUBE, router=dict(), mask=dict())
    conv_cfg = [cube, None, cube, None, None]
    head = build(conv_cfg=conv_cfg, num_convs=num_convs)
    ins = [level.conv1.in_channels for level in head.levels]
    assert ins == [32 + 24, 16 + 16, 8 + 8, 8, 8]
    for cfg, level in zip(conv_cfg, head.levels, strict=True):
        convs = [*level.children()]
        assert len(convs) == num_convs
        kind = CubeConv2d if cfg else torch.nn.Conv2d
        assert all(type(conv.conv) is kind for conv in convs)
        assert all(c.in_channels == c.out_channels for c in convs[1:])
    # Of an image whose sides need not divide by 32.
    features = stages(67, 71)
    assert head(features).shape == (2, 2, 68, 72)
    logits = head.predict(features, [dict(img_shape=(67, 71))] * 2, {})
    assert logits.shape == (2, 2, 67, 71)


def test_classifier_starts_with_a_spread_that_lets_gradients_through():
    torch.manual_seed(0)
    head = build(widths=[16, 8, 256])
    head.init_weights()
    assert head.conv_seg.weight.std().item() == pytest.approx(1 / 16, rel=0.2)
    given = dict(type='Constant', val=0.5, override=dict(name='conv_seg'))
    head = build(init_cfg=given)
    head.init_weights()
    assert head.conv_seg.weight.eq(0.5).all()


@pytest.mark.parametrize(
    'options, size',
    [
        (dict(widths=[16, 8, 8]), 16),
        (dict(in_channels=[16, 32], in_index=[1, 3], widths=[8]), 8),
    ],
)
def test_fewer_levels_and_stages(options, size):
    assert build(**options)(stages(64, 64)).shape == (2, 2, size, size)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(widths=[16, 8]), r'at least 3 levels.*\(16, 8\)'),
        (dict(num_convs=0), 'num_convs must be a whole number of'),
        (dict(conv_cfg=[None]), 'each of the 5 levels, but got 1'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
