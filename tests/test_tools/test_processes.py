"""Training and testing as a user starts them, on one process and on several.

One training runs in a single process. The same one runs on two processes, is
killed and resumed on two machines (simulated on one), and must end with the
same weights. What makes them comparable stands in docs/scale_out.md: norms
that do not look at the batch, nothing random, and an optimizer that does not
blow up rounding (eps).
"""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_cube.cli import main
from mmseg_cube.cli.mmseg_script import mmseg_script

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
NAME = 'unet_convnext/cube-full-unet_convnext-atto_1xb8-600_whu-128x128.py'
STEPS = 4
CONFIG = """
_base_ = r'{base}'
custom_imports = dict(
    imports=['mmseg_cube', 'witness'], allow_failed_imports=False
)
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='PackSegInputs'),
]
here = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=1, dataset=dict(data_root=r'{data}', pipeline=pipeline), **here
)
# Three images on two processes: the sampler repeats one.
test_dataloader = dict(
    dataset=dict(data_root=r'{data}', split='train', indices=3), **here
)
test_evaluator = dict(
    boundary=dict(), objects=dict(), group_by='(.)'
)
norm_cfg = dict(type='GN', num_groups=4)
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(
        _delete_=True,
        type='CubeBackbone',
        backbone=_base_.model.backbone,
        insert=dict(stages=(2, 3), norm_cfg=norm_cfg),
    ),
    decode_head=dict(
        widths=[8, 8, 8, 8],
        norm_cfg=norm_cfg,
        dropout_ratio=0.0,
    ),
)
optim_wrapper = dict(optimizer=dict(eps=1e-3))
param_scheduler = [dict(type='PolyLR', end={steps}, by_epoch=False)]
train_cfg = dict(max_iters={steps})
val_cfg = val_dataloader = val_evaluator = None
default_hooks = dict(
    checkpoint=dict(interval=2, save_best=None),
    visualization=dict(interval=1),
)
custom_hooks = [dict(type='RouterTemperatureHook'), dict(type='Witness')]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
randomness = dict(seed=0)
"""
WITNESS = """
import json
import os
import signal

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class Witness(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if os.environ.get('KILL') == f'{get_rank()} at {batch_idx}':
            os.kill(os.getpid(), signal.SIGKILL)

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        losses = {k: float(v) for k, v in outputs.items()}
        with open(f'losses{get_rank()}', 'a') as file:
            print(json.dumps(losses), file=file)
"""


@pytest.fixture(scope='module')
def work(sample_city, tmp_path_factory):
    """A folder with a space in its name, and all that the commands need."""
    if not Path(mmseg_script('train.py')).exists():
        pytest.skip('mmseg is not installed')
    work = tmp_path_factory.mktemp('work') / 'a folder'
    work.mkdir()
    here = TOOLS.parent / 'configs' / NAME
    # Only our own scripts know the second one before it is read.
    for name, base in (('tiny', here), ('installed', f'mmseg_cube::{NAME}')):
        text = CONFIG.format(base=base, data=sample_city['whu'], steps=STEPS)
        (work / f'{name}.py').write_text(text)
    (work / 'witness.py').write_text(WITNESS)
    return work


@pytest.fixture(scope='module')
def run(work):
    """Run a command in a folder, with one thread per process and no GPU."""

    def run(*command, folder, **env):
        cwd = work / folder
        cwd.mkdir(exist_ok=True)
        path = os.pathsep.join((str(work), os.environ.get('PYTHONPATH', '')))
        env = {
            **os.environ,
            'PYTHONPATH': path,
            'PYTHON': sys.executable,
            'PORT': free_port(),
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '',
            **env,
        }
        done = subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def free_port():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def weights(checkpoint):
    saved = torch.load(checkpoint, map_location='cpu', weights_only=False)
    return saved['state_dict']


def losses(folder, rank=0):
    lines = (folder / f'losses{rank}').read_text().splitlines()
    return [json.loads(line)['loss'] for line in lines]


@pytest.fixture(scope='module')
def one(work):
    """Folder of a training in this process, with the whole batch."""
    folder = work / 'one'
    folder.mkdir()
    words = '--work-dir out --cfg-options train_dataloader.batch_size=2'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.device.utils.DEVICE', 'cpu')
        patch.syspath_prepend(work)  # for the witness
        patch.chdir(folder)
        assert main(['train', '../tiny.py', *words.split()]) == 0
    assert len(losses(folder)) == STEPS
    return folder


@pytest.fixture(scope='module')
def checkpoint(one):
    return one / 'out' / f'iter_{STEPS}.pth'


def test_killed_and_resumed_processes_train_as_one(run, work, one, checkpoint):
    code, log = run(
        'bash', TOOLS / 'dist_train.sh', '../installed.py', 2,
        folder='two', KILL='1 at 3',
    )  # fmt: skip
    assert code != 0
    assert 'SIGKILL' in log
    two = work / 'two'
    out = two / 'work_dirs' / 'installed'
    assert (out / 'last_checkpoint').read_text().endswith('iter_2.pth')
    for rank in (0, 1):
        assert len(losses(two, rank)) == 3
        (two / f'losses{rank}').unlink()

    port = free_port()

    def node(rank):
        """Start a machine as docs/scale_out.md says."""
        return run(
            sys.executable, '-m', 'torch.distributed.run', '--nnodes', 2,
            '--node-rank', rank, '--nproc-per-node', 1,
            '--master-addr', '127.0.0.1', '--master-port', port,
            TOOLS / 'train.py', '../installed.py', '--launcher', 'pytorch',
            '--resume', folder='two',
        )  # fmt: skip

    with ThreadPoolExecutor() as pool:
        for code, log in pool.map(node, (0, 1)):
            assert code == 0, log
    expected = losses(one)[2:]
    pairs = zip(losses(two, 0), losses(two, 1), strict=True)
    found = [(a + b) / 2 for a, b in pairs]
    assert found == pytest.approx(expected, abs=1e-6)
    # Each saw other images.
    assert losses(two, 0) != pytest.approx(expected, abs=1e-3)
    found = weights(out / f'iter_{STEPS}.pth')
    torch.testing.assert_close(found, weights(checkpoint), rtol=0, atol=1e-6)


@pytest.fixture
def command(work, monkeypatch):
    """Run ``mmseg-cube test`` on the config, in this process."""
    monkeypatch.syspath_prepend(work)  # for the witness
    monkeypatch.chdir(work)
    return lambda *words: main(['test', 'tiny.py', *map(str, words)])


def test_two_processes_score_as_one(run, work, checkpoint, command):
    code, log = run(
        'bash', TOOLS / 'dist_test.sh', '../tiny.py', checkpoint, 2,
        '--work-dir', 'scored', folder='scores',
    )  # fmt: skip
    assert code == 0, log
    assert 'Distributed training: True' in log
    assert command(checkpoint, '--work-dir', 'scored') == 0
    first, second = (
        json.loads(path.read_text())
        for folder in (work / 'scores' / 'scored', work / 'scored')
        for path in folder.glob('*/*.json')
    )
    names = [name for name in second if name.startswith('building/')]
    assert len(names) > 12
    assert {k: first[k] for k in names} == {k: second[k] for k in names}


def test_resume_with_the_script_of_mmseg(run, one, checkpoint):
    code, log = run(
        sys.executable, mmseg_script('train.py'), '../tiny.py', '--resume',
        '--work-dir', '../one/out', '--cfg-options', 'train_cfg.max_iters=6',
        'default_hooks.logger.interval=1', folder='longer',
    )  # fmt: skip
    assert code == 0, log
    assert f'resumed epoch: 0, iter: {STEPS}' in log
    assert '[5/6]' in log
    assert '[4/6]' not in log
    assert (one / 'out' / 'iter_6.pth').exists()


def test_mirrored_views_masks_and_pictures(work, checkpoint, command):
    code = command(
        checkpoint, '--tta', '--out', 'masks', '--show-dir', 'shown',
        '--work-dir', 'mirrored',
        # A process has one visualizer of a name.
        '--cfg-options', 'visualizer.name=mirrored',
        'test_evaluator.threshold=0.4',  # which needs logits
    )  # fmt: skip
    assert code == 0
    (scores,) = (work / 'mirrored').glob('*/*.json')
    assert 'building/IoU' in json.loads(scores.read_text())
    masks = list((work / 'masks').iterdir())
    assert len(masks) == 3
    for mask in masks:
        assert set(np.unique(np.asarray(Image.open(mask)))) <= {0, 255}
    assert len(list((work / 'shown').rglob('vis_image/*.png'))) == 3
