import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_cube.inference import BuildingNetwork

SMALL = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        test_cfg=dict(size_divisor=32),
    ),
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=4,
        num_stages=2,
        strides=(1, 2),
        dilations=(1, 1),
        out_indices=(1,),
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=8,
        channels=4,
        num_convs=1,
        num_classes=2,
        loss_decode=dict(type='CrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(16, 16), stride=(8, 8)),
)


def windows(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture
def model():
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(SMALL)


@pytest.mark.parametrize('shape', [(2, 3, 64, 64), (1, 3, 50, 70)])
def test_equals_the_test_step_of_mmseg(model, shape):
    images = windows(*shape)
    found = BuildingNetwork(model)(images)
    model.test_cfg = ConfigDict(mode='whole')
    size = shape[2:]
    for image, probability in zip(images, found, strict=True):
        sample = SegDataSample(
            metainfo=dict(ori_shape=size, img_shape=size, flip=False)
        )
        # mmcv loads images as BGR.
        bgr = torch.from_numpy(image[::-1].copy())
        with torch.no_grad():
            (result,) = model.test_step(
                dict(inputs=[bgr], data_samples=[sample])
            )
        expected = result.seg_logits.data.softmax(0)[1]
        torch.testing.assert_close(probability, expected)


@pytest.mark.parametrize('classes', [1, 2])
def test_probability(pixelwise, classes):
    images = windows(2, 3, 8, 12)
    model = pixelwise(classes)
    for image, probability in zip(
        images, BuildingNetwork(model)(images), strict=True
    ):
        np.testing.assert_allclose(
            probability, model.direct(image), rtol=1e-5, atol=1e-6
        )


def test_flips_average_the_four_mirror_images(model):
    images = windows(1, 3, 32, 64)
    network = BuildingNetwork(model)
    expected = 0
    for axes in ((), (2,), (3,), (2, 3)):
        flipped = network(np.flip(images, axes))
        expected = expected + np.flip(flipped.numpy(), [a - 1 for a in axes])
    expected = expected / 4
    found = BuildingNetwork(model, flips=True)(images).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - network(images).numpy()).max() > 1e-3


def test_flips_change_nothing_of_single_pixels(pixelwise):
    images, model = windows(1, 3, 8, 12), pixelwise()
    found = BuildingNetwork(model, flips=True)(images)
    torch.testing.assert_close(found, BuildingNetwork(model)(images))
    assert len(model.shapes) == 4 + 1


def test_mixed_precision_is_near(model):
    images = windows(1, 3, 64, 64)
    plain = BuildingNetwork(model)(images)
    found = BuildingNetwork(model, amp=True)(images)
    assert found.dtype == torch.float32
    assert 0 < (found - plain).abs().max() < 0.05


def test_evaluates(model):
    model.train()
    network = BuildingNetwork(model)
    images = windows(1, 3, 32, 32)
    torch.testing.assert_close(network(images), network(images))
    assert not model.training


def test_three_classes(pixelwise):
    with pytest.raises(ValueError, match='tells 3 classes apart'):
        BuildingNetwork(pixelwise(3))(windows(1, 3, 8, 8))
