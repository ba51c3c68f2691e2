"""The converters, called as functions and as processes that get killed."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOOLS = Path(__file__).resolve().parents[2] / 'tools' / 'dataset_converters'
PATIENCE = 60  # seconds until a process that does not answer is given up


def load(name):
    path = TOOLS / f'{name}.py'
    spec = importlib.util.spec_from_file_location(f'convert_{name}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def files(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in root.glob('*/*/*')
    }


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize('name', ['whu', 'wbd'])
def test_tiles(sample_city, tmp_path, capsys, name):
    args = [str(sample_city[name]), str(tmp_path / 'out'), '--workers', '1']
    assert load(name)(args) == 0
    said = capsys.readouterr().out
    assert 'train 4 patches of 4 tiles; val 2 patches of 2 tiles' in said
    assert '(8 written now)' in said
    assert load(name)(args) == 0
    assert '(0 written now)' in capsys.readouterr().out
    assert load(name)([*args, '--format', 'tif']) == 2
    assert 'filled with other settings' in capsys.readouterr().err


def test_inria(sample_city, tmp_path, capsys):
    args = [str(sample_city['inria']), str(tmp_path / 'out')]
    args += ['--size', '100', '--workers', '1']
    assert load('inria')([*args, '--stride', '80']) == 0
    said = capsys.readouterr()
    assert 'val 45 patches of 5 tiles' in said.out
    assert '173 of the 180 labelled tiles are not in' in said.err
    args[1] = str(tmp_path / 'other')
    assert load('inria')([*args, '--protocol', 'buildformer']) == 0
    manifest = json.loads((tmp_path / 'other/conversion.json').read_text())
    assert manifest['protocol'] == 'buildformer'
    assert manifest['size'] == manifest['stride'] == 100
    args[1] = str(tmp_path / 'third')
    assert load('inria')([*args, '--stride', '0']) == 2
    assert 'stride must be' in capsys.readouterr().err
    assert not (tmp_path / 'third').exists()


def test_wbd_cuts(sample_city, tmp_path):
    args = [str(sample_city['wbd']), str(tmp_path / 'out'), '--size', '200']
    assert load('wbd')([*args, '--workers', '1']) == 0
    assert len(files(tmp_path / 'out')) == 2 * 8 * 4


def test_faults_are_listed_at_the_end(tmp_path, capsys):
    for name in ('1.png', '2.png'):
        for folder in ('image', 'label'):
            path = tmp_path / 'raw' / 'train' / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shape = (8, 8, 3) if folder == 'image' else (8, 8)
            Image.fromarray(np.zeros(shape, np.uint8)).save(path)
    path = tmp_path / 'raw' / 'train' / 'image' / '2.png'
    path.write_bytes(b'not an image [bold]')
    args = [str(tmp_path / 'raw'), str(tmp_path / 'out'), '--workers', '1']
    assert load('whu')(args) == 2
    said = capsys.readouterr()
    assert 'train 1 patches of 1 tiles' in said.out
    assert '1 fault(s)' in said.err
    assert 'train/image/2.png: cannot be read' in said.err
    assert 'does only what is missing' in said.err


def test_ctrl_c(tmp_path, capsys, monkeypatch):
    main = load('whu')

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setitem(main.__globals__, 'convert_whu', interrupted)
    assert main([str(tmp_path), str(tmp_path / 'out')]) == 130
    assert 'Run the same command again' in capsys.readouterr().err


def test_resumes_after_kill_9_and_leaves_no_worker(sample_city, tmp_path):
    out = tmp_path / 'out'
    args = [str(sample_city['inria']), str(out), '--size', '16']
    args += ['--workers', '2']
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', str(TOOLS / 'inria.py'), *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: len(list(out.glob('*/image/*'))) > 20)
        tasks = Path(f'/proc/{process.pid}/task/{process.pid}/children')
        workers = [int(pid) for pid in tasks.read_text().split()]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(workers) == 2
    for pid in workers:
        wait_until(lambda pid=pid: not running(pid))
    there = files(out)
    total = 2 * 7 * 16**2
    assert 0 < len(there) < total
    assert load('inria')(args) == 0
    whole = files(out)
    assert len(whole) == total
    assert all(whole[path] == data for path, data in there.items())
    assert not (out / '.part').exists()
    for path in whole:
        with Image.open(out / path) as image:
            assert image.size == (16, 16)
            image.load()


def running(pid):
    try:
        os.kill(pid, 0)
        state = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state.split()[0] != 'Z'  # nobody may be there to reap it
