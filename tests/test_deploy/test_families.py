"""Every family of the zoo is exported for any size, or for one.

Small networks, with deployment's default of plain and Cube convolutions.
"""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.models.backbones.swin import ShiftWindowMSA
from mmseg.models.utils import Upsample
from torch import nn

from mmseg_cube.deploy import (
    ExportableSegmentor,
    ExportError,
    export_segmentor,
)
from mmseg_cube.deploy.any_size import STAND_INS, take_any_size
from mmseg_cube.deploy.formats import FORMATS

CONFIGS = Path(__file__).parents[2] / 'configs'
FAMILIES = sorted(p.name for p in CONFIGS.iterdir() if p.name[0] != '_')
TABLE = [
    *((family, 'cube-full-', 'onnx') for family in FAMILIES),
    *((family, '', 'torchscript') for family in FAMILIES),
    *((family, 'cube-', 'onnx') for family in ('unet', 'segformer')),
    *((family, 'cube-', 'openvino') for family in ('unet', 'unet_swin')),
    # It takes ten times as long, and the layers have a test below.
    ('unet_swin', 'cube-', 'torch_export'),
]
LAYERS = [
    Upsample(scale_factor=2, mode='bilinear', align_corners=False),
    nn.AdaptiveAvgPool2d((6, 3)),
    nn.MultiheadAttention(8, 2),
    ShiftWindowMSA(8, 2, 7, 3),
    ShiftWindowMSA(8, 2, 7),
]


@pytest.fixture(scope='session')
def load(shrink, build_trained):
    """Config and small network of a family, of one kind."""

    def load(family, kind, shape=None):
        name = f'{kind}{family}[-_]*_1xb8-80k_whu-512x512.py'
        (path,) = (CONFIGS / family).glob(name)
        cfg = Config.fromfile(path)
        shrink(cfg.model)
        model = build_trained(cfg)
        torch.nn.init.normal_(model.decode_head.conv_seg.weight)
        model.dataset_meta = {}
        return ExportableSegmentor(model, shape), cfg

    return load


def compare(segmentor, path, format, shape):
    images = torch.rand(shape) * 255
    with torch.no_grad():
        expected = segmentor(images)
        logits = FORMATS[format].read(path)(images)
    assert expected.std() > 0.01
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize('family, kind, format', TABLE)
def test_any_size(load, tmp_path, family, kind, format):
    if format not in FORMATS:
        pytest.skip(f'torch {torch.__version__} has no {format} for any size')
    for name in FORMATS[format].needs:
        pytest.importorskip(name)
    segmentor, cfg = load(family, kind)
    path = tmp_path / f'net{FORMATS[format].suffix}'
    _, shapes = export_segmentor(segmentor, cfg, path, format, size=64)
    assert len(shapes) == 3
    compare(segmentor, path, format, (4, 3, 40, 130))


def test_a_network_that_keeps_its_size(load, tmp_path, monkeypatch, format):
    """As those of strangers may be; one size always works."""
    monkeypatch.setattr('mmseg_cube.deploy.any_size.STAND_INS', {})
    path = tmp_path / f'net{FORMATS[format].suffix}'
    segmentor, cfg = load('unet', 'cube-full-')
    with pytest.raises(ExportError) as failed:
        export_segmentor(segmentor, cfg, path, format, size=64)
    assert str(failed.value).endswith('--fixed-size 64 64')
    assert '\n' not in str(failed.value)
    assert not list(tmp_path.iterdir())

    segmentor.shape = (1, 3, 50, 70)
    _, shapes = export_segmentor(segmentor, cfg, path, format)
    assert shapes == ((1, 3, 50, 70),)
    compare(segmentor, path, format, segmentor.shape)
    for other in ((1, 3, 70, 50), (1, 3, 64, 96), (3, 3, 50, 70)):
        # Each runtime has an error of its own.
        with pytest.raises(Exception, match='50|size|dim|shape'):
            FORMATS[format].read(path)(torch.zeros(other))


class Given(nn.Module):
    """A layer as it is called on a feature map (N, C, H, W)."""

    divisor, shape = 1, None

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        if isinstance(self.layer, (nn.AdaptiveAvgPool2d, Upsample)):
            return self.layer(x)
        pixels = x.flatten(2).transpose(1, 2)
        if isinstance(self.layer, ShiftWindowMSA):
            return self.layer(pixels, x.shape[2:])
        pixels = pixels.transpose(0, 1)
        keys = pixels[:5]
        return self.layer(pixels, keys, keys.exp())[0]


@pytest.mark.parametrize('layer', LAYERS, ids=lambda m: type(m).__name__)
def test_stand_ins_by_torch_export(tmp_path, layer):
    if 'torch_export' not in FORMATS:
        pytest.skip(f'torch {torch.__version__} exports for one size only')
    original, network = Given(layer).eval(), Given(deepcopy(layer)).eval()
    take_any_size(network)
    assert type(network.layer) is STAND_INS[type(layer)]
    path = tmp_path / 'net.pt2'
    FORMATS['torch_export'].write(network, torch.rand(2, 8, 4, 6), path, {})
    exported = FORMATS['torch_export'].read(path)
    # In windows of 7 pixels: none whole, some, and nothing but whole ones.
    for shape in ((2, 8, 4, 6), (3, 8, 16, 22), (1, 8, 14, 7)):
        images = torch.rand(shape)
        torch.testing.assert_close(exported(images), original(images))
