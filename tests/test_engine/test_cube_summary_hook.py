from pathlib import Path

import pytest
from mmengine.dist import utils as dist_utils
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import HOOKS
from torch import nn

from mmseg_cube.layers import CubeKernelBlock

HOOK = dict(type='CubeSummaryHook')
LINE = 'Cube kernels: 1 of 2 convolutions; the others: 1 of 1 x 1'


def add_layers(runner):
    runner.model.layers = nn.Sequential(CubeKernelBlock(8), nn.Conv2d(8, 8, 1))


def logged(runner):
    (log,) = Path(runner.log_dir).glob('*.log')
    return [
        line.split(' - ')[-1]
        for line in log.read_text().splitlines()
        if 'Cube kernels' in line
    ]


def test_training_says_it_once_before_the_first_iteration(make_runner):
    runner = make_runner('run', HOOK)
    add_layers(runner)
    runner.train()
    assert logged(runner) == [LINE]
    # Runners do this again when they go on to test.
    runner.call_hook('before_run')
    assert logged(runner) == [LINE]
    (log,) = Path(runner.log_dir).glob('*.log')
    text = log.read_text()
    assert text.index(LINE) < text.index('Iter(train)')


def test_network_that_changed_is_said_again(make_runner):
    runner = make_runner('run', HOOK)
    runner.call_hook('before_run')
    add_layers(runner)
    runner.call_hook('before_run')
    assert logged(runner) == ['Cube kernels: 0 of 0 convolutions', LINE]


@pytest.mark.usefixtures('process_group')
def test_distributed_wrapper(make_runner):
    runner = make_runner('run', HOOK)
    add_layers(runner)
    runner.model = MMDistributedDataParallel(runner.model)
    runner.call_hook('before_run')
    assert logged(runner) == [LINE]


def test_other_processes_say_nothing(make_runner, monkeypatch):
    runner = make_runner('run')
    hook = HOOKS.build(HOOK)
    monkeypatch.setattr(dist_utils, 'get_rank', lambda group=None: 1)
    hook.before_run(runner)
    assert logged(runner) == []
