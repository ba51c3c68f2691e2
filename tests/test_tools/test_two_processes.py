"""Two processes on CPUs train, and score a test set exactly as one does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = 'cube-convnext-atto-unet_1xb4-600_whu-256x256.py'
CONFIG = ROOT / 'configs' / 'convnext_unet' / NAME
OPTIONS = (
    'env_cfg.dist_cfg.backend=gloo',
    'model.decode_head.norm_cfg.type=BN',
    'model.decode_head.widths=[8,8,8,8]',
    'train_dataloader.batch_size=1',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
    'default_hooks.checkpoint.interval=2',
)


def run(script, processes, *args, sample_city, cwd):
    """Start a tool in one process, or in several through its script."""
    data = sample_city['whu']
    options = [*OPTIONS] + [
        f'{loader}_dataloader.dataset.data_root={data}'
        for loader in ('train', 'val', 'test')
    ]
    # Three images on two processes: the sampler repeats one.
    options.append('test_dataloader.dataset.indices=3')
    options.append('test_dataloader.dataset.split=train')
    if processes == 1:
        command = [sys.executable, ROOT / 'tools' / f'{script}.py', *args]
    else:
        tool = ROOT / 'tools' / f'dist_{script}.sh'
        command = ['bash', tool, *args, processes]
    command += ['--work-dir', cwd, '--cfg-options', *options]
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = server.getsockname()[1]
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            'PYTHON': sys.executable,
            'PORT': str(port),
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '',
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def checkpoint(sample_city, tmp_path_factory):
    work = tmp_path_factory.mktemp('train')
    log = run('train', 2, CONFIG, sample_city=sample_city, cwd=work)
    assert 'building/IoU' in log
    return Path((work / 'last_checkpoint').read_text().strip())


def test_two_processes_score_as_one(checkpoint, sample_city, tmp_path):
    scores = []
    for processes in (1, 2):
        work = tmp_path / str(processes)
        work.mkdir()
        log = run(
            'test', processes, CONFIG, checkpoint,
            sample_city=sample_city, cwd=work,
        )  # fmt: skip
        assert ('Distributed training: True' in log) == (processes == 2)
        (path,) = work.glob('*/*.json')
        found = json.loads(path.read_text())
        scores.append(
            {k: v for k, v in found.items() if k.startswith('building/')}
        )
    assert scores[0] == scores[1]
    assert {'building/IoU', 'building/F1'} <= set(scores[0])
