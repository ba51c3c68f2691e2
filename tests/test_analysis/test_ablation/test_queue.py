"""The queue with runs that only pretend to train."""

import fcntl
import os
import re
import signal
import threading
import time

import pytest
import torch
from mmengine.config import Config

from mmseg_cube.analysis.ablation import queue
from mmseg_cube.analysis.ablation.study import Run, Study

# What a run does stands in a file of its folder.
PRETENDED = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[2])
with (folder.parents[1] / 'order').open('a') as order:
    order.write(folder.parent.name + '\\n')
(folder / 'pid').write_text(str(os.getpid()))
exec((folder / 'does').read_text())
"""
FINISH = '(folder / "result.json").write_text("{}")'
WAIT = 'time.sleep(60)'


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    """Pretend to train and to report; a list with one item per report."""
    reports = []
    monkeypatch.setattr(queue, 'START', PRETENDED)
    monkeypatch.setattr(queue, 'POLL_SECONDS', 0.02)
    monkeypatch.setattr(queue, 'write_report', reports.append)
    monkeypatch.setattr(queue, 'count_variants', lambda study: None)
    return reports


@pytest.fixture
def make_run(tmp_path):
    def make_run(text, does):
        folder = tmp_path / text / 'seed-0'
        folder.mkdir(parents=True)
        (folder / 'does').write_text(does)
        return Run(text, 0, Config({}), folder)

    return make_run


def carry_out(runs, places=1):
    """Carry runs out; returns those that failed."""
    study = Study(runs, 'mask', runs[0].folder.parents[1], 'IoU')
    return queue.train(study, ['cpu'] * places)


def test_in_order_and_finished_ones_not_again(
    make_run, tmp_path, capsys, reports
):
    does = dict.fromkeys(('router', 'mask', 'full', 'baseline'), FINISH)
    does['router'] = 'sys.exit("no such tile")'
    runs = [make_run(*each) for each in does.items()]
    runs[2].result.write_text('{}')
    # Others go on after a failure.
    assert carry_out(runs) == runs[:1]
    order = (tmp_path / 'order').read_text().split()
    assert order == ['router', 'mask', 'baseline']
    said = capsys.readouterr().out
    log = runs[0].folder / 'output.log'
    assert f'failed: router, seed 0. The end of {log}:\nno such tile\n' in said
    found = re.findall('finished: (.*), seed 0', said)
    assert found == ['full', 'mask', 'baseline'] and len(reports) == 3
    # What was run has its config beside it.
    assert (runs[1].folder / 'config.py').exists()


@pytest.mark.parametrize('finishes', [True, False])
def test_a_run_of_another_process(make_run, tmp_path, capsys, finishes):
    runs = [make_run(x, FINISH) for x in ('mask', 'full')]
    lock = (runs[0].folder / queue.LOCK).open('w')
    fcntl.flock(lock, fcntl.LOCK_EX)

    def end():
        while not runs[1].result.exists():
            time.sleep(0.01)
        time.sleep(0.2)
        if finishes:
            runs[0].result.write_text('{}')
        lock.close()

    thread = threading.Thread(target=end)
    thread.start()
    assert carry_out(runs) == []
    thread.join()
    # It is left to the other process, and taken over if that gives up.
    order = (tmp_path / 'order').read_text().split()
    assert order == ['full'] + ['mask'] * (not finishes)
    said = capsys.readouterr().out
    assert said.count('waiting for runs of another process') == 1


def test_a_process_keeps_its_run_to_itself(make_run):
    run = make_run('mask', WAIT)
    process = queue._start(run, {})
    # Also if the process that began it is killed.
    assert queue._start(run, {}) is None
    process.kill()
    process.wait()
    (run.folder / 'does').write_text(FINISH)
    assert carry_out([run]) == []
    assert queue._start(run, {}) is None


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_all(make_run, number):
    runs = [make_run(x, WAIT) for x in ('mask', 'full')]
    pids = [run.folder / 'pid' for run in runs]

    def stop():
        while not all(x.exists() and x.stat().st_size for x in pids):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    # Ctrl-C has its effect also where tests run in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        carry_out(runs, places=2)
    signal.signal(signal.SIGINT, before)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(
    'count, visible, devices, expected',
    [
        (0, '', None, [('', '7')]),
        (0, '', ['cpu'] * 3, [('', '2')] * 3),
        (0, '', ['cpu'] * 9, [('', '1')] * 9),
        (2, '', None, [('0', None), ('1', None)]),
        (2, '3, 5', ['cuda:1', 'cpu'], [('5', None), ('', '7')]),
    ],
)
def test_places(monkeypatch, count, visible, devices, expected):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: range(7))
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    assert [
        (place['CUDA_VISIBLE_DEVICES'], place.get('OMP_NUM_THREADS'))
        for place in queue.make_places(devices)
    ] == expected
    message = 'cuda:2: there is no such device; there are .*cpu'
    with pytest.raises(ValueError, match=message):
        queue.make_places(['cuda:2'])
