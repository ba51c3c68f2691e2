"""The queue with runs that only pretend to train."""

import json
import os
import signal
import threading
import time

import pytest
from mmengine.config import Config

from mmseg_cube.analysis.ablation.notation import parse_variant
from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.process import (
    RunProcess,
    lock_folder,
    tail,
)
from mmseg_cube.analysis.ablation.progress import read_iteration
from mmseg_cube.analysis.ablation.queue import Queue

# What a run does stands in a file of its folder.
PRETENDED = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[2])
with (folder.parents[1] / 'order').open('a') as order:
    order.write(f'{folder.parent.name} {os.environ["PLACE"]}\\n')
(folder / 'pid').write_text(str(os.getpid()))
exec((folder / 'does').read_text())
"""
FINISH = '(folder / "result.json").write_text("{}")'
WAIT = 'time.sleep(60)'
FAIL = 'sys.exit("no such tile")'
# Until the run of the other variant has begun as well.
MEET = """
while not (folder.parents[1] / 'OTHER/seed-0/pid').exists():
    time.sleep(0.01)
"""
PARTS = 'mmseg_cube.analysis.ablation'


@pytest.fixture(autouse=True)
def pretend(monkeypatch):
    monkeypatch.setattr(f'{PARTS}.process.START', PRETENDED)
    monkeypatch.setattr(f'{PARTS}.queue.POLL_SECONDS', 0.02)


@pytest.fixture
def make_run(tmp_path):
    def make_run(text, does, **cfg):
        folder = tmp_path / text / 'seed-0'
        folder.mkdir(parents=True)
        (folder / 'does').write_text(does)
        return Run(parse_variant(text), 0, Config(cfg), folder)

    return make_run


class Notes:
    """Watcher that writes down what it is told."""

    def __init__(self, when_looking=lambda queue: None):
        self.ended, self.lost = [], []
        self.look = when_looking

    def finished(self, runs):
        self.ended += [run.variant.text for run in runs]

    def failed(self, run):
        self.lost.append(run.variant.text)


def carry_out(runs, places=1, **kwargs):
    notes = Notes(**kwargs)
    slots = [dict(PLACE=str(place)) for place in range(places)]
    queue = Queue(runs, slots, notes)
    queue.work()
    assert not queue.pending and not queue.running
    return notes, queue


def order(tmp_path):
    return (tmp_path / 'order').read_text().split('\n')[:-1]


def test_in_order_and_finished_ones_not_again(make_run, tmp_path):
    runs = [make_run(x, FINISH) for x in ('mask', 'full', 'baseline')]
    runs[1].result.write_text('{}')
    notes, _ = carry_out(runs)
    assert order(tmp_path) == ['mask 0', 'baseline 0']
    assert notes.ended == ['full', 'mask', 'baseline']
    notes, _ = carry_out(runs)
    assert len(order(tmp_path)) == 2
    assert len(notes.ended) == 3
    # What was run has its config beside it.
    assert (runs[0].folder / 'config.py').exists()


def test_two_at_once(make_run, tmp_path):
    runs = [
        make_run('mask', MEET.replace('OTHER', 'full') + FINISH),
        make_run('full', MEET.replace('OTHER', 'mask') + FINISH),
    ]
    notes, _ = carry_out(runs, places=2)
    # Which of the two writes first is up to the system.
    assert sorted(order(tmp_path)) == ['full 1', 'mask 0']
    assert sorted(notes.ended) == ['full', 'mask']


def test_others_go_on_after_a_failure(make_run):
    runs = [make_run('mask', FAIL), make_run('full', FINISH)]
    notes, queue = carry_out(runs)
    assert (notes.ended, notes.lost) == (['full'], ['mask'])
    assert queue.failed == runs[:1]
    assert tail(runs[0]).endswith('no such tile')


def test_left_to_another_process_that_finishes(make_run, tmp_path):
    runs = [make_run(x, FINISH) for x in ('mask', 'full')]
    lock = lock_folder(runs[0])

    def finish(queue):
        if not queue.running and len(queue.pending) == 1:
            runs[0].result.write_text('{}')

    notes, _ = carry_out(runs, when_looking=finish)
    lock.close()
    assert order(tmp_path) == ['full 0']
    assert notes.ended == ['full', 'mask']


def test_taken_over_from_one_that_gives_up(make_run, tmp_path):
    runs = [make_run(x, FINISH) for x in ('mask', 'full')]
    lock = lock_folder(runs[0])

    def give_up(queue):
        if not queue.running and len(queue.pending) == 1:
            lock.close()

    carry_out(runs, when_looking=give_up)
    assert order(tmp_path) == ['full 0', 'mask 0']


def test_another_config_in_a_finished_folder(make_run):
    run = make_run('mask', FINISH, train_cfg=dict(max_iters=3))
    (run.folder / 'config.py').write_text('train_cfg = dict(max_iters=4)')
    run.result.write_text('{}')
    with pytest.raises(ValueError, match='train_cfg.max_iters = 4, now it is'):
        carry_out([run])


@pytest.fixture
def sigint():
    """Let Ctrl-C have its effect, also where tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def has_begun(run):
    path = run.folder / 'pid'
    return path.exists() and path.stat().st_size > 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_all(make_run, sigint, number):
    runs = [make_run(x, WAIT) for x in ('mask', 'full')]
    before = signal.getsignal(signal.SIGTERM)

    def stop():
        while not all(map(has_begun, runs)):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        carry_out(runs, places=2)
    for run in runs:
        with pytest.raises(ProcessLookupError):
            os.kill(int((run.folder / 'pid').read_text()), 0)
        lock_folder(run).close()
    assert signal.getsignal(signal.SIGTERM) is before


def test_lock_lasts_as_long_as_the_run(make_run):
    run = make_run('mask', WAIT)
    job = RunProcess(run, dict(PLACE='0'), lock_folder(run))
    # As if this process had been killed.
    job.lock.close()
    assert lock_folder(run) is None
    job.end()
    job.process.wait()
    lock_folder(run).close()


def test_read_iteration(tmp_path):
    assert read_iteration(tmp_path) == 0
    for start, steps in (('20260101', [20, 40]), ('20260102', [60])):
        log = tmp_path / start / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        lines = [json.dumps(dict(loss=1.0, step=step)) for step in steps]
        log.write_text('\n'.join([*lines, '{"loss": 0.', '']))
    assert read_iteration(tmp_path) == 60
