import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_cube.layers import CubeConv2d

CHANNELS = [8, 16, 24, 32]
CUBE = dict(type='CubeConv2d')


def build(**options):
    cfg = dict(
        type='UNetHead',
        in_channels=CHANNELS,
        widths=[16, 8, 8, 8, 8],
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    return MODELS.build(dict(cfg, **options))


def stages(height, width):
    """Features of an image whose sides need not divide by 32."""
    return [
        torch.randn(2, c, -(-height // (4 << i)), -(-width // (4 << i)))
        for i, c in enumerate(CHANNELS)
    ]


@pytest.mark.parametrize('size', [(64, 64), (67, 71)])
@pytest.mark.parametrize('num_convs', [1, 3])
@pytest.mark.parametrize('conv_cfg', [None, CUBE])
def test_forward_loss_predict(size, conv_cfg, num_convs):
    head = build(conv_cfg=conv_cfg, num_convs=num_convs)
    features = stages(*size)
    full = [4 * s for s in features[0].shape[2:]]
    assert list(head(features).shape) == [2, 2, *full]

    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(img_shape=size))
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 2, (1, *size)))
        samples.append(sample)
    losses = head.loss(features, samples, {})
    losses['loss_ce'].backward()
    assert all(p.grad is not None for p in head.parameters())
    logits = head.predict(features, [s.metainfo for s in samples], {})
    assert logits.shape == (2, 2, *size)

    ins = [level.conv1.in_channels for level in head.levels]
    assert ins == [32 + 24, 16 + 16, 8 + 8, 8, 8]
    names = [f'conv{i + 1}' for i in range(num_convs)]
    kind = CubeConv2d if conv_cfg else torch.nn.Conv2d
    for level in head.levels:
        assert [name for name, _ in level.named_children()] == names
        convs = [getattr(level, name) for name in names]
        assert all(type(conv.conv) is kind for conv in convs)
        assert all(c.in_channels == c.out_channels for c in convs[1:])


def test_one_convolution_per_level():
    cube = dict(CUBE, router=dict(), mask=dict())
    head = build(conv_cfg=[cube, None, cube, None, None])
    kinds = [
        [type(conv.conv) is CubeConv2d for conv in (level.conv1, level.conv2)]
        for level in head.levels
    ]
    assert kinds == [[c, c] for c in (True, False, True, False, False)]


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
        (dict(num_convs=0), 'num_convs must be at least 1, but got 0'),
        (dict(conv_cfg=[None]), 'each of the 5 levels, but got 1'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
