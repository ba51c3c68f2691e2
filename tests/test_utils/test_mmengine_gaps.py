import socket
from unittest import mock

import pytest
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.device import get_device
from mmengine.dist import utils as dist_utils
from mmengine.hooks import LoggerHook
from mmengine.runner import CheckpointLoader, Runner
from torch import distributed as torch_dist

from mmseg_cube.utils.checkpoints import CheckpointError
from mmseg_cube.utils.mmengine_gaps import close_gaps

# What each launcher tells the first of one process.
TOLD = dict(
    pytorch=dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1),
    slurm=dict(
        SLURM_PROCID=0, SLURM_LOCALID=0, SLURM_NTASKS=1, SLURM_NODELIST='a'
    ),
    mpi=dict(
        OMPI_COMM_WORLD_RANK=0,
        OMPI_COMM_WORLD_LOCAL_RANK=0,
        OMPI_COMM_WORLD_SIZE=1,
    ),
)


def test_package_is_announced():
    assert MODULE2PACKAGE['mmseg_cube'] == 'mmseg_cube'


@pytest.mark.skipif(get_device() != 'cpu', reason='there is a GPU')
@pytest.mark.parametrize('launcher', TOLD)
def test_a_launcher_needs_no_gpu(launcher, monkeypatch):
    close_gaps()
    start = getattr(dist_utils, f'_init_dist_{launcher}')
    with pytest.raises(ValueError, match="'nccl' needs a GPU.*backend=gloo"):
        start(backend='nccl', init_backend='torch')
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = server.getsockname()[1]
    # mmengine adds some of these for other launchers; all are taken back.
    names = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE')
    told = {**dict.fromkeys(names, ''), **TOLD[launcher]}
    told.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    start(backend='gloo')
    try:
        assert torch_dist.get_world_size() == 1
    finally:
        torch_dist.destroy_process_group()


def test_any_hook_of_a_config_can_be_left_out():
    close_gaps()
    runner, other = mock.MagicMock(), dict(type='EMAHook')
    hooks = dict(ema=None, timer=None, other=other)
    Runner.register_default_hooks(runner, hooks)
    kinds = [x.args[0]['type'] for x in runner.register_hook.mock_calls]
    assert kinds.count('EMAHook') == 1
    assert 'LoggerHook' in kinds and 'IterTimerHook' not in kinds


@pytest.mark.parametrize('main', (True, False))
def test_one_process_writes_the_scores(main, tmp_path, monkeypatch):
    close_gaps()
    monkeypatch.setattr(dist_utils, 'is_main_process', lambda group=None: main)
    runner = mock.MagicMock(log_dir=str(tmp_path))
    logs = runner.log_processor
    logs.get_log_after_epoch.return_value = dict(IoU=1.0), 'IoU: 1'
    hook = LoggerHook()
    hook.json_log_path = 'scores.json'
    hook.after_test_epoch(runner)
    assert (tmp_path / 'scores.json').exists() == main


def test_weights_that_cannot_be_fetched_are_named(tmp_path, monkeypatch):
    close_gaps()
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with socket.socket() as server:  # which nobody listens to
        server.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{server.getsockname()[1]}/a/b-1.pth?x=1'
        with pytest.raises(CheckpointError) as caught:
            CheckpointLoader.load_checkpoint(url)
    said = str(caught.value)
    assert said.startswith(f'{url} cannot be fetched: ')
    assert said.endswith(str(tmp_path / 'hub' / 'checkpoints' / 'b-1.pth'))
