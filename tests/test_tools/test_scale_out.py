"""Training on several processes: the result of one, and none of it lost."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
BASE = 'cube-full-unet_convnext-atto_1xb8-600_whu-128x128.py'
STEPS = 4
# What makes processes comparable, see docs/scale_out.md: norms that do not
# look at the batch, nothing random, and an optimizer that does not blow up
# rounding (eps).
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
train_dataloader = dict(
    batch_size=1,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=r'{data}', pipeline=pipeline),
)
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    decode_head=dict(
        widths=[8, 8, 8, 8],
        norm_cfg=dict(type='GN', num_groups=4),
        dropout_ratio=0.0,
    ),
)
optim_wrapper = dict(optimizer=dict(eps=1e-3))
param_scheduler = [dict(type='PolyLR', end={steps}, by_epoch=False)]
train_cfg = dict(max_iters={steps})
val_cfg = val_dataloader = val_evaluator = None
default_hooks = dict(checkpoint=dict(interval=2, save_best=None))
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
# Slurm on one node: starts the tasks, fails if one does.
SRUN = """#!/usr/bin/env bash
until [[ $1 == "$PYTHON" ]]; do
    case $1 in --ntasks=*) export SLURM_NTASKS=${1#*=} ;; esac
    shift
done
export SLURM_NODELIST='node[1]'
for ((i = 0; i < SLURM_NTASKS; i++)); do
    SLURM_PROCID=$i SLURM_LOCALID=$i "$@" & tasks+=($!)
done
for task in "${tasks[@]}"; do wait "$task" || exit; done
"""
SCONTROL = """#!/usr/bin/env bash
[[ $* == 'show hostname node[1]' ]] && echo 127.0.0.1
"""


def write(path, text):
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(scope='module')
def train(run, sample_city, tmp_path_factory):
    """Start a command on the config; returns it done, and its folder."""
    work = tmp_path_factory.mktemp('scale out')
    base = ROOT / 'configs' / 'unet_convnext' / BASE
    data = sample_city['whu']
    config = CONFIG.format(base=base, data=data, steps=STEPS)
    write(work / 'tiny.py', config)
    write(work / 'witness.py', WITNESS)
    write(work / 'srun', SRUN)
    write(work / 'scontrol', SCONTROL)

    def train(*command, folder, **env):
        (work / folder).mkdir(exist_ok=True)
        paths = {
            name: os.pathsep.join((str(work), os.environ.get(name, '')))
            for name in ('PATH', 'PYTHONPATH')
        }
        command = [work / 'tiny.py' if c == 'CONFIG' else c for c in command]
        done = run(*command, cwd=work / folder, **paths, **env)
        return done, work / folder

    return train


def weights(folder):
    path = folder / 'work_dirs' / 'tiny' / f'iter_{STEPS}.pth'
    saved = torch.load(path, map_location='cpu', weights_only=False)
    return saved['state_dict']


def losses(folder, rank):
    lines = (folder / f'losses{rank}').read_text().splitlines()
    return [json.loads(line)['loss'] for line in lines]


def check(*runs):
    for done in runs:
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope='module')
def one(train):
    """Folder of a training in one process, with the whole batch."""
    done, folder = train(
        sys.executable, ROOT / 'tools' / 'train.py', 'CONFIG',
        '--cfg-options', 'train_dataloader.batch_size=2', folder='one',
    )  # fmt: skip
    check(done)
    return folder


@pytest.fixture(scope='module')
def two(train, free_port):
    """Folder of a training on two nodes, as docs/scale_out.md says."""
    port = free_port()

    def node(rank):
        return train(
            sys.executable, '-m', 'torch.distributed.run', '--nnodes', 2,
            '--node-rank', rank, '--nproc-per-node', 1,
            '--master-addr', '127.0.0.1', '--master-port', port,
            ROOT / 'tools' / 'train.py', 'CONFIG', '--launcher', 'pytorch',
            folder='two',
        )  # fmt: skip

    with ThreadPoolExecutor() as pool:
        (first, folder), (second, _) = pool.map(node, (0, 1))
    check(first, second)
    return folder


def test_two_nodes_train_as_one_process(one, two):
    expected = losses(one, 0)
    assert len(expected) == STEPS
    pairs = zip(losses(two, 0), losses(two, 1), strict=True)
    found = [(a + b) / 2 for a, b in pairs]
    assert found == pytest.approx(expected, abs=1e-6)
    # Each saw other images.
    assert losses(two, 0) != pytest.approx(expected, abs=1e-3)
    torch.testing.assert_close(weights(two), weights(one), rtol=0, atol=1e-6)


def test_killed_under_torchrun_resumed_under_slurm(train, two):
    done, folder = train(
        'bash', ROOT / 'tools' / 'dist_train.sh', 'CONFIG', 2,
        folder='killed', KILL='1 at 3',
    )  # fmt: skip
    assert done.returncode != 0
    assert 'SIGKILL' in done.stderr
    work = folder / 'work_dirs' / 'tiny'
    assert (work / 'last_checkpoint').read_text().endswith('iter_2.pth')
    for rank in (0, 1):
        (folder / f'losses{rank}').unlink()

    done, folder = train(
        'bash', ROOT / 'tools' / 'slurm_train.sh', 'cpu', 'a job', 'CONFIG',
        '--resume', folder='killed', GPUS='2', SRUN_ARGS='--gres=none',
    )  # fmt: skip
    check(done)
    for rank in (0, 1):
        assert losses(folder, rank) == losses(two, rank)[2:]
    torch.testing.assert_close(weights(folder), weights(two), rtol=0, atol=0)
