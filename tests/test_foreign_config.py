"""A config of somebody else's, with two lines of this package added."""

from pathlib import Path

import mmseg
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from mmseg_cube.layers import CubeConv2d

NAME = 'convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512.py'
BASE = Path(mmseg.__file__).parent / '.mim' / 'configs' / 'convnext' / NAME
TWO_LINES = """
custom_imports = dict(imports=['mmpretrain.models', 'mmseg_cube'])
model = dict(decode_head=dict(conv_cfg=dict(type='CubeConv2d')))
"""
# mmseg's own classes on a folder of two images, at a size for a test.
DATA = """
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    dict(type='RandomCrop', crop_size=(64, 64)),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    _delete_=True,
    batch_size=2,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='WHUBuildingDataset', data_root=r'{root}', pipeline=pipeline
    ),
)
val_dataloader = val_evaluator = val_cfg = None
test_dataloader = test_evaluator = test_cfg = None
train_cfg = dict(max_iters=2)
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(arch='atto', init_cfg=None),
    decode_head=dict(
        in_channels=[40, 80, 160, 320], channels=32, num_classes=2
    ),
    auxiliary_head=dict(in_channels=160, channels=16, num_classes=2),
)
optim_wrapper = dict(type='OptimWrapper', loss_scale=None)
work_dir = r'{work}'
"""


@pytest.mark.skipif(not BASE.exists(), reason='mmseg is not a package here')
def test_mmsegs_upernet_convnext_trains_with_cube(sample_city, tmp_path):
    # As a user would: a child config with an absolute base. Two children,
    # because both parts of this one set ``model``.
    (tmp_path / 'cube.py').write_text(f'_base_ = {str(BASE)!r}\n' + TWO_LINES)
    (tmp_path / 'small.py').write_text(
        "_base_ = './cube.py'\n"
        + DATA.format(root=sample_city['whu'], work=tmp_path / 'work')
    )
    cfg = Config.fromfile(tmp_path / 'small.py')
    cfg.optim_wrapper.pop('loss_scale')
    runner = Runner.from_cfg(cfg)
    head = runner.model.decode_head
    cubes = [m for m in head.modules() if isinstance(m, CubeConv2d)]
    plain = [m for m in head.modules() if type(m) is nn.Conv2d]
    assert {c.kernel_size for c in cubes} == {(3, 3)}
    assert {c.kernel_size for c in plain} == {(1, 1)}
    before = [c.weight.detach().clone() for c in cubes]
    runner.train()
    for old, cube in zip(before, cubes, strict=True):
        assert not torch.equal(old, cube.weight)
