"""A config of somebody else's, with Cube kernels in all of its parts."""

from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from mmseg_cube.layers import CubeConv2d

NAME = 'convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512.py'
BASE = Path(mmseg.__file__).parent / '.mim' / 'configs' / 'convnext' / NAME
CUBE = """
_base_ = './small.py'
custom_imports = dict(imports=['mmpretrain.models', 'mmseg_cube'])
model = dict(
    backbone=dict(
        _delete_=True,
        type='CubeBackbone',
        backbone=_base_.model.backbone,
        replace=dict(stages=(1, 2), kernel_sizes=2),
        insert=dict(stages=(2, 3)),
    ),
    decode_head=dict(conv_cfg=dict(type='CubeConv2d')),
)
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
    # As a user would: child configs, the first one with an absolute base.
    data = DATA.format(root=sample_city['whu'], work=tmp_path / 'work')
    (tmp_path / 'small.py').write_text(f'_base_ = {str(BASE)!r}\n{data}')
    (tmp_path / 'cube.py').write_text(CUBE)
    cfg = Config.fromfile(tmp_path / 'cube.py')
    cfg.optim_wrapper.pop('loss_scale')
    runner = Runner.from_cfg(cfg)
    model = runner.model
    convs = model.decode_head.modules()
    convs = [m for m in convs if isinstance(m, nn.Conv2d)]
    assert {c.kernel_size for c in convs} == {(3, 3), (1, 1)}
    for conv in convs:
        assert isinstance(conv, CubeConv2d) == (conv.kernel_size == (3, 3))
    learned = {
        name: model.get_parameter(name).detach().clone()
        for name in (
            'backbone.downsample_layers.2.1.weight',
            'backbone.cube_blocks.3.0.gamma',
            'decode_head.fpn_bottleneck.conv.weight',
        )
    }
    runner.train()
    for name, before in learned.items():
        assert not before.equal(model.get_parameter(name)), name
