"""Cooling and report of routers, in trainings with real hooks."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.dist import utils as dist_utils
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import HOOKS
from torch import nn
from torch._dynamo.testing import CompileCounter

from mmseg_cube.layers import ChannelRouter, CubeKernelBlock

COOL = dict(type='RouterTemperatureHook', start=4.0, end=0.25)
REPORT = dict(type='RouterReportHook', interval=3)


def cool(model, iterations, max_iters=5):
    """Temperatures that the routers have in these iterations."""
    hook = HOOKS.build(COOL)
    routers = [m for m in model.modules() if isinstance(m, ChannelRouter)]
    seen = []
    for i in iterations:
        runner = SimpleNamespace(iter=i, max_iters=max_iters, model=model)
        runner.message_hub = MessageHub('hub')
        hook.before_train_iter(runner, i)
        (temperature,) = {router.temperature for router in routers}
        seen.append(temperature)
    return seen


@pytest.mark.usefixtures('process_group')
def test_cools_every_router_geometrically():
    model = nn.Sequential(CubeKernelBlock(8), ChannelRouter(8))
    # Also past the end.
    cooling = pytest.approx([4.0, 2.0, 1.0, 0.5, 0.25, 0.25, 0.25])
    for each in (model, MMDistributedDataParallel(model)):
        assert cool(each, [*range(6), 99]) == cooling
    assert cool(model, [0], max_iters=1) == [4.0]


def test_epochs_end_at_the_end(make_runner):
    loop = dict(by_epoch=True, max_epochs=2)
    runner = make_runner('epochs', COOL, train_cfg=loop)
    runner.train()
    temperatures = temperatures_of(runner)
    assert len(temperatures) == 16
    assert temperatures[::15] == pytest.approx([4.0, 0.25])


def temperatures_of(runner):
    scalars = runner.message_hub.get_scalar('train/router_temperature')
    return scalars.data[0].tolist()


@pytest.mark.skipif(
    torch.__version__.startswith('2.1.'),
    reason='torch 2.1 compiles the first temperature in',
)
@pytest.mark.parametrize('method', ['sinkhorn', 'sort'])
def test_cooling_does_not_compile_again_and_again(method):
    torch.manual_seed(0)
    routers = [ChannelRouter(8, method) for _ in range(2)]
    counter = CompileCounter()
    compiled = torch.compile(routers[0], backend=counter)
    x = torch.randn(1, 8, 2, 2)
    frames = []
    for i in range(10):
        cool(nn.ModuleList(routers), [i], max_iters=10)
        for module in (compiled, routers[1]):
            module(x).mul(x).sum().backward()
        frames.append(counter.frame_count)
    assert frames[2] == frames[-1] > 0
    grads = [next(router.parameters()).grad for router in routers]
    assert grads[0].any()
    torch.testing.assert_close(*grads)


def report(runner):
    path = Path(runner.log_dir) / 'router_report.json'
    return json.loads(path.read_text())['routers']


def log_of(runner):
    (log,) = Path(runner.log_dir).glob('*.log')
    return log.read_text()


def scalars(runner):
    path = Path(runner.log_dir) / 'vis_data' / 'scalars.json'
    lines = map(json.loads, path.read_text().splitlines())
    return [line for line in lines if 'router/distance' in line]


def test_follows_orders_until_they_are_learned(make_runner):
    runner = make_runner('run', REPORT)
    runner.train()
    records = report(runner)
    for name in ('first', 'second'):
        record = records[name]
        assert record['order'] == [7, 6, 5, 4, 3, 2, 1, 0]
        assert record['frozen_since'] == 3
        looks = record['looks']
        # At the start, each third iteration, and at the end.
        assert looks['iteration'] == [0, 3, 6, 8]
        assert looks['moved'] == [0, 1, 1, 1]
        assert looks['distance'] == pytest.approx([0, *[32 / 21] * 3])
        assert looks['changed'] == [0, 8, 0, 0]
    assert (Path(runner.log_dir) / 'router_report.png').exists()
    # The log and the visualizer get the means.
    lines = scalars(runner)
    assert [line['step'] for line in lines] == [0, 3, 6, 8]
    for key in ('moved', 'distance', 'changed'):
        each = [records[name]['looks'][key][-1] for name in records]
        last = lines[-1]
        assert [last[f'router/{key}/{name}'] for name in records] == each
        assert last[f'router/{key}'] == pytest.approx(sum(each) / 2)
    assert 'routers at iteration 8: ' in log_of(runner)


def test_reports_the_order_at_the_end(make_runner):
    class Stop(Hook):
        def after_train_iter(self, runner, *args, **kwargs):
            runner.train_loop.stop_training = runner.iter == 4

    runner = make_runner('run', REPORT, Stop(), router=dict(method='sort'))
    runner.train()
    for name, record in report(runner).items():
        order = getattr(runner.model, name).permutation().tolist()
        assert record['order'] == order != sorted(order)
        assert record['looks']['iteration'] == [0, 3, 5]


def test_resumed_run_goes_on_and_reports_the_whole_run(make_runner, tmp_path):
    whole = make_runner('whole', REPORT, COOL)
    whole.train()
    last = dict(load_from=str(tmp_path / 'whole' / 'iter_4.pth'))
    resumed = make_runner('resumed', REPORT, COOL, resume=True, **last)
    resumed.train()
    temperatures = temperatures_of(whole)
    assert temperatures_of(resumed) == temperatures
    assert temperatures[::7] == pytest.approx([4.0, 0.25])
    for name, record in report(resumed).items():
        looks = record['looks']
        assert looks['iteration'] == [0, 3, 4, 6, 8]
        expected = report(whole)[name]
        assert record['order'] == expected['order']
        del looks['distance'][2]
        assert looks['distance'] == expected['looks']['distance']
    assert [line['step'] for line in scalars(resumed)] == [4, 6, 8]
    # Weights that were only loaded start a new history.
    tuned = make_runner('tuned', REPORT, **last)
    tuned.train()
    looks = report(tuned)['first']['looks']
    assert looks['iteration'] == [0, 3, 6, 8]
    assert looks['distance'][0] > 0


def test_other_processes_write_nothing(make_runner, monkeypatch):
    runner = make_runner('run', REPORT)
    runner.message_hub.update_info('router_report', {})
    monkeypatch.setattr(dist_utils, 'get_rank', lambda group=None: 1)
    HOOKS.build(REPORT).after_train(runner)
    assert runner.message_hub.get_info('router_report') == {}
    assert not list(Path(runner.log_dir).glob('router_report*'))


def test_model_without_a_learned_order_is_said(make_runner):
    runner = make_runner('run', REPORT, COOL, router=dict(method='random'))
    runner.train()
    for hook in (REPORT, COOL):
        said = f'{hook["type"]}: no channel router of the model learns'
        assert said in log_of(runner)
    assert not list(Path(runner.log_dir).glob('router_report*'))
    assert 'train/router_temperature' not in runner.message_hub.log_scalars


@pytest.mark.parametrize(
    'hook', (REPORT | dict(interval=0), COOL | dict(end=0))
)
def test_arguments_must_be_positive(hook):
    with pytest.raises(ValueError, match='positive, but got (4.0 and )?0'):
        HOOKS.build(hook)
