"""The train and test tools, as a user starts them, on a tiny network."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.cli import mmseg_script as scripts

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
# The base is taken from the installed package: mmseg_cube has to be imported
# before the config is read, or 'mmseg_cube::' is unknown.
CONFIG = """
_base_ = 'mmseg_cube::_base_/default_runtime.py'
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
dataset = dict(
    type='BaseSegDataset',
    data_root=r'{root}',
    data_prefix=dict(img_path='images', seg_map_path='masks'),
    img_suffix='.png',
    seg_map_suffix='.png',
    metainfo=dict(classes=('background', 'building')),
    pipeline=pipeline,
)
loader = dict(batch_size=1, num_workers=0, dataset=dataset)
train_dataloader = dict(
    sampler=dict(type='InfiniteSampler', shuffle=True), **loader
)
val_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=False), **loader
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01)
)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2)
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 32)),
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=4,
        num_stages=1,
        strides=(1,),
        dilations=(1,),
        out_indices=(0,),
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=4,
        channels=4,
        num_convs=1,
        num_classes=2,
        loss_decode=dict(type='CrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
"""


@pytest.fixture(scope='module')
def work(tmp_path_factory):
    """A folder with a space in its name, two images and the config."""
    mim = Path(scripts.__file__).parents[1] / '.mim'
    if not (mim / 'configs').exists():
        pytest.skip('mmseg_cube is not installed; make setup does that')
    work = tmp_path_factory.mktemp('work') / 'a folder'
    rng = np.random.default_rng(0)
    for name, top, shape in (('images', 256, (32, 32, 3)),
                             ('masks', 2, (32, 32))):  # fmt: skip
        (work / 'data' / name).mkdir(parents=True)
        for i in range(2):
            array = rng.integers(0, top, shape, dtype=np.uint8)
            Image.fromarray(array).save(work / 'data' / name / f'{i}.png')
    (work / 'tiny.py').write_text(CONFIG.format(root=work / 'data'))
    return work


@pytest.fixture(scope='module')
def checkpoint(work, run):
    """What two steps of training leave."""
    done = run(
        sys.executable, TOOLS / 'train.py', 'tiny.py', '--work-dir', 'out',
        '--cfg-options', 'optim_wrapper.optimizer.lr=0.5', cwd=work,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'mIoU' in done.stdout + done.stderr
    (saved,) = (work / 'out').glob('*/vis_data/config.py')
    assert 'lr=0.5' in saved.read_text()
    return work / 'out' / 'iter_2.pth'


def test_train_keeps_a_checkpoint(checkpoint):
    assert checkpoint.exists()


def test_test_from_another_folder(work, checkpoint, run, tmp_path):
    done = run(
        sys.executable, TOOLS / 'test.py', work / 'tiny.py', checkpoint,
        '--out', 'masks', cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'mIoU' in done.stdout + done.stderr
    saved = sorted(p.name for p in (tmp_path / 'masks').iterdir())
    assert saved == ['0.png', '1.png']


@pytest.mark.parametrize(
    'script, first', [('train', ['c.py']), ('test', ['c.py', 'a b.pth'])]
)
def test_dist_scripts_pass_everything_on(tmp_path, run, script, first):
    fake = tmp_path / 'python'
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    tool = TOOLS / f'dist_{script}.sh'
    done = run(
        tool, *first, 4, '--cfg-options', 'a=x y', cwd=tmp_path,
        PYTHON=str(fake), NNODES='2', NODE_RANK='1', PORT='1234',
        MASTER_ADDR='10.0.0.1',
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        '-m', 'torch.distributed.run', '--nnodes=2', '--node_rank=1',
        '--master_addr=10.0.0.1', '--master_port=1234',
        '--nproc_per_node=4', str(TOOLS / f'{script}.py'), *first,
        '--launcher', 'pytorch', '--cfg-options', 'a=x y',
    ]  # fmt: skip
    short = run(tool, *first, cwd=tmp_path)
    assert short.returncode == 2
    assert short.stderr.startswith('usage: ')


def test_mmseg_without_its_scripts_is_one_line(tmp_path, monkeypatch):
    (tmp_path / 'mmseg').mkdir()
    origin = tmp_path / 'mmseg' / '__init__.py'
    origin.write_text('')
    spec = importlib.util.spec_from_file_location('mmseg', origin)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: spec)
    with pytest.raises(ValueError, match='mmseg has no .*train.py') as caught:
        scripts.mmseg_script('train.py')
    assert '\n' not in str(caught.value)
