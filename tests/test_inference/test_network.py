from argparse import Namespace

import numpy as np
import pytest
import rasterio
import torch
from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_cube.engine import ViewsHook
from mmseg_cube.inference import BuildingNetwork
from mmseg_cube.utils.configs import read_config


def windows(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture
def model(tiny_segmentor):
    """The tiny network, with probabilities that differ."""
    model = tiny_segmentor()
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    return model


@pytest.mark.parametrize(
    ('shape', 'tta'),
    [((2, 3, 64, 64), 'none'), ((1, 3, 50, 70), 'none')]
    + [((2, 3, 50, 70), tta) for tta in ('flips', 'd4')],
)
def test_equals_the_test_step_of_mmseg(model, shape, tta):
    images = windows(*shape)
    found = BuildingNetwork(model, tta)(images)
    if tta == 'd4':  # turned, images have the same buildings
        turned = BuildingNetwork(model, tta)(np.rot90(images, axes=(2, 3)))
        torch.testing.assert_close(turned.rot90(-1, (1, 2)), found)
    model.test_cfg = ConfigDict(mode='whole')
    ViewsHook(tta).before_test(Namespace(model=model))
    meta = dict(ori_shape=shape[2:], img_shape=shape[2:], flip=False)
    samples = [SegDataSample(metainfo=meta) for _ in images]
    bgr = torch.from_numpy(images[:, ::-1].copy())  # as mmcv loads it
    with torch.no_grad():
        batch = dict(inputs=list(bgr), data_samples=samples)
        results = model.test_step(batch)
    expected = [result.seg_logits.data.softmax(0)[1] for result in results]
    torch.testing.assert_close(found, torch.stack(expected))


def test_one_two_and_three_classes(pixelwise):
    images = windows(2, 3, 8, 12)
    for model in (pixelwise(1), pixelwise(2)):
        found = BuildingNetwork(model)(images)
        expected = np.stack([model.direct(image) for image in images])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match='tells 3 classes apart'):
        BuildingNetwork(pixelwise(3))(images)


def test_views_are_those_of_the_test_script(model, tiny_config, sample_city):
    cfg = read_config(tiny_config)
    cfg.model.test_cfg = dict(mode='whole')
    path, mask = (
        sample_city['whu'] / 'test' / folder / '1.tif'
        for folder in ('image', 'label')
    )
    sample = dict(
        img_path=str(path),
        seg_map_path=str(mask),
        reduce_zero_label=False,
        seg_fields=[],
    )
    views = Compose(cfg.tta_pipeline)(sample)
    batch = {key: [[view] for view in value] for key, value in views.items()}
    with rasterio.open(path) as file:
        images = file.read()[None]
    network = BuildingNetwork(model, tta='flips')
    # So that about half of the pixels are buildings.
    with torch.no_grad():
        middle = network(images).median().logit()
        model.decode_head.conv_seg.bias[1] -= middle
    tta = MODELS.build(dict(cfg.tta_model, module=model))
    model.test_cfg = ConfigDict(mode='whole')
    (result,) = tta.test_step(batch)
    assert len(views['inputs']) == 3
    probability = network(images)[0]
    sure = (probability - 0.5).abs() > 1e-6
    labels = result.pred_sem_seg.data.reshape(probability.shape)
    assert 0 < labels.float().mean() < 1
    assert torch.equal((probability > 0.5)[sure], (labels == 1)[sure])
    assert not torch.allclose(probability, BuildingNetwork(model)(images)[0])


def test_evaluates_and_mixed_precision_is_near(model):
    images = windows(1, 3, 64, 64)
    model.train()
    network = BuildingNetwork(model)
    assert not model.training
    plain = network(images)
    torch.testing.assert_close(network(images), plain)
    found = BuildingNetwork(model, amp=True)(images)
    assert found.dtype == torch.float32
    assert 0 < (found - plain).abs().max() < 0.05
