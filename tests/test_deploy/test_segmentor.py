import copy

import pytest
import torch
from mmengine.model import ImgDataPreprocessor
from mmseg.structures import SegDataSample

from mmseg_cube.deploy import ExportableSegmentor


@pytest.mark.parametrize(
    'options',
    [
        dict(bgr_to_rgb=True),
        dict(bgr_to_rgb=False),
        dict(mean=None, std=None),
        dict(pad_val=2, test_cfg=dict(size_divisor=64)),
        dict(test_cfg=None),
    ],
)
def test_logits_are_those_of_mmseg(tiny_segmentor, options):
    changes = {f'model.data_preprocessor.{k}': v for k, v in options.items()}
    test_cfg = {'model.test_cfg': dict(mode='whole', _delete_=True)}
    model = tiny_segmentor(**changes, **test_cfg)
    for size in ((64, 96), (45, 70)):
        images = torch.randint(0, 256, (2, 3, *size)).float()
        meta = dict(ori_shape=size, img_shape=size)
        samples = [SegDataSample(metainfo=meta) for _ in images]
        bgr = list(images[:, [2, 1, 0]])  # as mmcv loads images
        with torch.no_grad():
            logits = ExportableSegmentor(model)(images)
            results = model.test_step(dict(inputs=bgr, data_samples=samples))
        assert logits.shape == (2, 2, *size)
        expected = torch.stack([result.seg_logits.data for result in results])
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=0)


def test_other_preprocessors_are_refused(segmentor):
    model = copy.deepcopy(segmentor.model)
    model.data_preprocessor.test_cfg = dict(size=(64, 64))
    with pytest.raises(ValueError, match=r'size=\(64, 64\).*size_divisor'):
        ExportableSegmentor(model)
    model.data_preprocessor = ImgDataPreprocessor()
    with pytest.raises(ValueError, match='SegDataPreProcessor'):
        ExportableSegmentor(model)
