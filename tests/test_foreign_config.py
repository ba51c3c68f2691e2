"""Configs of mmseg's zoo with the parts of docs/ways_in.md in them."""

from pathlib import Path

import mmseg
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, METRICS

from mmseg_cube.layers import summarise
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

ZOO = Path(mmseg.__file__).parent / '.mim' / 'configs'
CONVNEXT = 'convnext/convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512.py'
SWIN = 'swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py'  # noqa: E501
SEGFORMER = 'segformer/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024.py'
D8 = 'deeplabv3plus/deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024.py'
CONV = "dict(decode_head=dict(conv_cfg=dict(type='CubeConv2d')))"
HEAD = """dict(
    decode_head=dict(
        _delete_=True, type='UNetHead', in_channels=[96, 192, 384, 768],
        widths=[256, 128, 64, 32, 16], num_classes=2,
        norm_cfg=dict(type='SyncBN'),
        conv_cfg=[dict(type='CubeConv2d')] * 4 + [None]),
    auxiliary_head=dict(num_classes=2))"""
BACKBONE = """dict(backbone=dict(
    _delete_=True, type='CubeBackbone', backbone=_base_.model.backbone,
    {}))"""
INSERT = BACKBONE.format('insert=dict(stages=3)')
REPLACE = BACKBONE.format('replace=dict(stages={}, lattice_kernel_size=4)')
WHU = """
pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadBuildingMask'),
            dict(type='PackSegInputs')]
dataset = dict(_delete_=True, type='WHUBuildingDataset', pipeline=pipeline,
               data_root=r'{root}')
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dataset)
val_evaluator = dict(_delete_=True, type='BuildingMetric')
"""
pytestmark = pytest.mark.skipif(
    not ZOO.exists(), reason='mmseg is not a package here'
)


@pytest.mark.parametrize(
    'name, text, cubes',
    [
        (CONVNEXT, CONV, 5),
        (SEGFORMER, CONV, 0),
        (CONVNEXT, HEAD, 8),
        (SWIN, INSERT, 1),
        (CONVNEXT, INSERT, 1),
        # Its last two stages are dilated by 2 and 4.
        (D8, REPLACE.format('(0, 1)'), 9),
        (D8, REPLACE.format('(2, 3)'), 'stage 3, which has no eligible'),
        (SWIN, REPLACE.format('(2, 3)'), r'none of 1 .*; insert=dict\(\)'),
    ],
)
def test_parts_of_ways_in(name, text, cubes, tmp_path):
    path = tmp_path / 'child.py'
    path.write_text(f"""_base_ = {str(ZOO / name)!r}
custom_imports = dict(imports=['mmpretrain.models', 'mmseg_cube'])
model = {text}""")
    cfg = read_config(path)
    if isinstance(cubes, str):
        with pytest.raises(ValueError, match=cubes):
            build_network(cfg)
    else:
        found = summarise(build_network(cfg))
        assert found.startswith(f'Cube kernels: {cubes} of ')


def test_a_data_set_takes_the_place_of_another(sample_city, tmp_path):
    path, text = tmp_path / 'child.py', WHU.format(root=sample_city['whu'])
    path.write_text(f'_base_ = {str(ZOO / D8)!r}\n{text}')
    cfg = read_config(path)
    init_default_scope('mmseg')
    assert len(DATASETS.build(cfg.val_dataloader.dataset)) == 4
    METRICS.build(cfg.val_evaluator)
