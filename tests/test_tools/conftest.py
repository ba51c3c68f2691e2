"""Running the train and test tools on the sample city, made tiny."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = 'cube-full-unet_convnext-atto_1xb8-600_whu-128x128.py'
CONFIG = ROOT / 'configs' / 'unet_convnext' / NAME
TINY = (
    'env_cfg.dist_cfg.backend=gloo',
    'model.decode_head.norm_cfg.type=BN',
    'model.decode_head.widths=[8,8,8,8]',
    'train_dataloader.batch_size=1',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
    'default_hooks.checkpoint.interval=2',
    # Three images on two processes: the sampler repeats one.
    'test_dataloader.dataset.indices=3',
    'test_dataloader.dataset.split=train',
)


@pytest.fixture(scope='session')
def load_tool():
    """Import a script by its path in ``tools``, without ``.py``."""

    def load_tool(name):
        path = ROOT / 'tools' / f'{name}.py'
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_tool


@pytest.fixture(scope='session')
def free_port():
    """Find a port, as a string, on which nothing listens."""

    def free_port():
        with socket.socket() as server:
            server.bind(('127.0.0.1', 0))
            return str(server.getsockname()[1])

    return free_port


@pytest.fixture(scope='session')
def run(free_port):
    """Run a command to its end, with one thread per process and no GPU."""

    def run(*command, cwd, **env):
        port = free_port()
        env = {
            **os.environ,
            'PYTHON': sys.executable,
            'PORT': port,  # tools/dist_*.sh
            'MASTER_PORT': port,  # tools/slurm_*.sh
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '',
            **env,
        }
        return subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope='session')
def run_tool(run, sample_city):
    """Run a tool, in one process or several, and return what it said.

    ``tool`` is the name of a script in ``tools``, or the path of another;
    later options win.
    """

    def run_tool(tool, *args, cwd, processes=1, options=()):
        data = [
            f'{loader}_dataloader.dataset.data_root={sample_city["whu"]}'
            for loader in ('train', 'val', 'test')
        ]
        script = tool if Path(tool).is_absolute() else f'{tool}.py'
        command = [sys.executable, ROOT / 'tools' / script, CONFIG, *args]
        if processes > 1:
            script = ROOT / 'tools' / f'dist_{tool}.sh'
            command = ['bash', script, CONFIG, *args, processes]
        command += ['--cfg-options', *TINY, *data, *options]
        done = run(*command, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run_tool


@pytest.fixture(scope='session')
def trained(run_tool, tmp_path_factory):
    """Work folder of two iterations of training on two processes."""
    work = tmp_path_factory.mktemp('trained')
    log = run_tool('train', cwd=work, processes=2)
    assert 'Distributed training: True' in log
    assert 'building/IoU' in log
    return work / 'work_dirs' / CONFIG.stem
