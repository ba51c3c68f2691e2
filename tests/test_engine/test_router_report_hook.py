import json
from pathlib import Path

import pytest
from mmengine.dist import utils as dist_utils
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from PIL import Image

HOOK = dict(type='RouterReportHook', interval=3)


def report(runner):
    path = Path(runner.log_dir) / 'router_report.json'
    return json.loads(path.read_text())['routers']


def scalars(runner):
    path = Path(runner.log_dir) / 'vis_data' / 'scalars.json'
    lines = map(json.loads, path.read_text().splitlines())
    return [line for line in lines if 'router/distance' in line]


def test_follows_orders_until_they_are_learned(make_runner):
    runner = make_runner('run', HOOK)
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
    picture = Path(runner.log_dir) / 'router_report.png'
    assert Image.open(picture).width > 400
    assert not list(Path(runner.log_dir).glob('.*'))
    # The log and the visualizer get the means.
    lines = scalars(runner)
    assert [line['step'] for line in lines] == [0, 3, 6, 8]
    for key in ('moved', 'distance', 'changed'):
        each = [records[name]['looks'][key][-1] for name in records]
        last = lines[-1]
        assert [last[f'router/{key}/{name}'] for name in records] == each
        assert last[f'router/{key}'] == pytest.approx(sum(each) / 2)
    (log,) = Path(runner.log_dir).glob('*.log')
    assert 'routers at iteration 8: ' in log.read_text()


def test_reports_the_order_at_the_end(make_runner):
    class Stop(Hook):
        def after_train_iter(self, runner, *args, **kwargs):
            runner.train_loop.stop_training = runner.iter == 4

    runner = make_runner('run', HOOK, Stop(), router=dict(method='sort'))
    runner.train()
    for name, record in report(runner).items():
        order = getattr(runner.model, name).permutation().tolist()
        assert record['order'] == order != sorted(order)
        assert record['looks']['iteration'] == [0, 3, 5]
        assert record['moved'] == record['looks']['moved'][-1]
        assert record['distance'] == record['looks']['distance'][-1]


def test_resumed_run_reports_the_whole_run(make_runner, tmp_path):
    whole = make_runner('whole', HOOK)
    whole.train()
    checkpoint = str(tmp_path / 'whole' / 'iter_4.pth')
    resumed = make_runner('resumed', HOOK, load_from=checkpoint, resume=True)
    resumed.train()
    for name, record in report(resumed).items():
        looks = record['looks']
        assert looks['iteration'] == [0, 3, 4, 6, 8]
        expected = report(whole)[name]
        assert record['order'] == expected['order']
        del looks['distance'][2]
        assert looks['distance'] == expected['looks']['distance']
    assert [line['step'] for line in scalars(resumed)] == [4, 6, 8]
    # Weights that were only loaded start a new history.
    tuned = make_runner('tuned', HOOK, load_from=checkpoint)
    tuned.train()
    looks = report(tuned)['first']['looks']
    assert looks['iteration'] == [0, 3, 6, 8]
    assert looks['distance'][0] > 0


def test_other_processes_write_nothing(make_runner, monkeypatch):
    runner = make_runner('run', HOOK)
    hook = HOOKS.build(HOOK)
    runner.message_hub.update_info('router_report', {})
    monkeypatch.setattr(dist_utils, 'get_rank', lambda group=None: 1)
    hook.after_train(runner)
    assert runner.message_hub.get_info('router_report') == {}
    assert not list(Path(runner.log_dir).glob('router_report*'))


def test_model_without_a_learned_order_is_said(make_runner):
    runner = make_runner('run', HOOK, router=dict(method='random'))
    runner.train()
    (log,) = Path(runner.log_dir).glob('*.log')
    assert 'no channel router of the model learns' in log.read_text()
    assert not list(Path(runner.log_dir).glob('router_report*'))


def test_interval_must_be_positive():
    with pytest.raises(ValueError, match='interval .* but got 0'):
        HOOKS.build(dict(type='RouterReportHook', interval=0))
