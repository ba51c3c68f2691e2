"""Every family of the zoo is exported for any size, or for one.

Small networks, with deployment's default of plain and Cube convolutions.
"""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmseg_cube.deploy import (
    ExportableSegmentor,
    ExportError,
    export_segmentor,
)
from mmseg_cube.deploy.formats import FORMATS

CONFIGS = Path(__file__).parents[2] / 'configs'
FAMILIES = sorted(p.name for p in CONFIGS.iterdir() if p.name[0] != '_')
TABLE = [
    *((family, 'cube-full-', 'onnx') for family in FAMILIES),
    *((family, 'cube-', 'torchscript') for family in FAMILIES),
    *((family, '', 'onnx') for family in ('unet', 'segformer')),
    *((family, 'cube-', 'openvino') for family in ('unet', 'unet_swin')),
    # It takes ten times as long; these have all layers that need help.
    *((f, '', 'torch_export') for f in ('segformer', 'upernet')),
    ('unet_swin', '', 'torch_export'),
]


@pytest.fixture(scope='session')
def load(shrink, build_trained):
    """Config and small network of a family, of one kind."""

    def load(family, kind, shape=None):
        name = f'{kind}{family}[-_]*_1xb8-80k_whu-512x512.py'
        (path,) = (CONFIGS / family).glob(name)
        cfg = Config.fromfile(path)
        shrink(cfg.model)
        if (family, kind) == ('unet_swin', ''):
            two = dict(depths=[2, 1], num_heads=[1, 2], out_indices=(0, 1))
            cfg.model.backbone.merge(two)
            cfg.model.decode_head.merge(
                dict(in_channels=[12, 24], widths=[8] * 3)
            )
        model = build_trained(cfg)
        torch.nn.init.normal_(model.decode_head.conv_seg.weight)
        model.dataset_meta = {}
        return ExportableSegmentor(model, shape), cfg

    return load


@pytest.fixture
def written(monkeypatch):
    """Networks of a format as they are read: once, since it takes long."""

    def written(format):
        networks, kind = [], FORMATS[format]

        def read(path):
            networks.append(kind.read(path))
            return networks[-1]

        monkeypatch.setitem(FORMATS, format, kind._replace(read=read))
        return networks

    return written


def compare(segmentor, network, shape):
    images = torch.rand(shape) * 255
    with torch.no_grad():
        expected, logits = segmentor(images), network(images)
    assert expected.std() > 0.01
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize('family, kind, format', TABLE)
def test_any_size(load, written, tmp_path, family, kind, format):
    if format not in FORMATS:
        pytest.skip(f'torch {torch.__version__} has no {format} for any size')
    for name in FORMATS[format].needs:
        pytest.importorskip(name)
    segmentor, cfg = load(family, kind)
    networks = written(format)
    path = tmp_path / f'net{FORMATS[format].suffix}'
    _, shapes = export_segmentor(segmentor, cfg, path, format, size=64)
    assert len(shapes) == 3
    compare(segmentor, networks[-1], (4, 3, 40, 130))


def test_a_network_that_keeps_its_size(
    load, written, tmp_path, monkeypatch, format
):
    """As those of strangers may be; one size always works."""
    monkeypatch.setattr('mmseg_cube.deploy.any_size.STAND_INS', {})
    path = tmp_path / f'net{FORMATS[format].suffix}'
    segmentor, cfg = load('unet', 'cube-full-')
    networks = written(format)
    with pytest.raises(ExportError) as failed:
        export_segmentor(segmentor, cfg, path, format, size=64)
    assert str(failed.value).endswith('--fixed-size 64 64')
    assert '\n' not in str(failed.value)
    assert not list(tmp_path.iterdir())

    segmentor.shape = (1, 3, 50, 70)
    _, shapes = export_segmentor(segmentor, cfg, path, format)
    assert shapes == ((1, 3, 50, 70),)
    compare(segmentor, networks[-1], segmentor.shape)
    for other in ((1, 3, 70, 50), (1, 3, 64, 96), (3, 3, 50, 70)):
        # Each runtime has an error of its own.
        with pytest.raises(Exception, match='50|size|dim|shape'):
            networks[-1](torch.zeros(other))
