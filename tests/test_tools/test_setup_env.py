"""The set-up with made-up interpreters and without pip or network."""

import ast
import fcntl
import functools
import os
import re
import stat
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
# Only for these imports: tools/test.py would hide the standard module.
sys.path.insert(0, str(TOOLS))
try:
    import setup_env
    from setup_parts import find_python, mmcv_wheel, steps
finally:
    sys.path.remove(str(TOOLS))

ONEDL = setup_env.STACKS['onedl']
UPSTREAM = setup_env.STACKS['openmmlab']
FILES = (ONEDL.requirements, UPSTREAM.requirements, UPSTREAM.compiled,
         'setup.py', 'pyproject.toml', 'mmseg_cube/version.py',
         'mmseg_cube/.mim/configs', 'mmseg_cube/.mim/tools',
         'mmseg_cube/.mim/model-index.yml')  # fmt: skip


def fake_python(path, version='3.11.7', can_venv=1, code=0):
    """Write a program that answers like an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '#!/bin/sh\ncase "$*" in *"-m pip"*) exit 0;; esac\n'
        f'printf "{version}\\n{can_venv}\\n{path}\\n"\nexit {code}\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def only_path(tmp_path, monkeypatch):
    """A machine whose only interpreters are those put into this folder."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{tmp_path / "later"}')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.delenv('PYENV_ROOT', raising=False)
    monkeypatch.delenv('PYTHON', raising=False)
    monkeypatch.setattr(sys, 'executable', str(tmp_path / 'none'))
    return folder


class Recorder:
    """Stands in for Steps: notes each step, makes the venv, runs nothing."""

    def __init__(self):
        self.titles = []
        self.fail_at = None

    def __call__(self, log, keep_fd):
        return self.step

    def step(self, title, command, **env):
        self.titles.append(title.split()[0])
        if title.startswith(self.fail_at or '\0'):
            raise steps.Problem('stopped')
        if 'venv' in command:
            fake_python(Path(command[-1]) / 'bin' / 'python')


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(setup_env, 'Steps', recorder)
    return recorder


@pytest.fixture
def setup(tmp_path, only_path):
    root = tmp_path / 'root'
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('torch==2.1.2\nmmcv==2.1.0\n')
    fake_python(only_path / 'python3.11')
    return setup_env.Setup(ONEDL, root)


ALL = ['.venv', 'packages', 'this', 'check']
PIP = ALL[1:]


def test_everything_once_then_nothing(setup, recorder, capsys):
    setup.run()
    assert recorder.titles == ALL
    assert '.venv is ready' in capsys.readouterr().out
    setup.run()
    assert recorder.titles == ALL
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('name', [FILES[0], 'setup.py', 'pyproject.toml'])
def test_changed_file_repeats_pip_in_place(setup, recorder, name):
    setup.run()
    (setup.root / name).write_text('changed')
    recorder.titles.clear()
    setup.run()
    assert recorder.titles == PIP
    assert setup.ready()


def test_lost_link_is_mended(setup, recorder):
    setup.run()
    (setup.root / 'mmseg_cube/.mim/configs').unlink()
    assert not setup.ready()


@pytest.mark.parametrize('stop', PIP)
def test_stopped_set_up_goes_on(setup, recorder, stop):
    recorder.fail_at = stop
    with pytest.raises(steps.Problem, match='stopped'):
        setup.run()
    assert not setup.ready()
    recorder.fail_at = None
    recorder.titles.clear()
    setup.run()
    assert recorder.titles == PIP
    assert setup.ready()


@pytest.mark.parametrize('fault', [dict(code=1), dict(version='3.9.1')])
def test_broken_or_wrong_python_is_replaced(setup, recorder, fault):
    setup.run()
    fake_python(setup.python, **fault)
    (setup.venv / 'old').write_text('')
    recorder.titles.clear()
    setup.run()
    assert recorder.titles == ALL
    assert not (setup.venv / 'old').exists()


def test_another_python_can_be_asked_for(setup, recorder, only_path):
    setup.run()
    asked = fake_python(only_path / 'mine', version='3.12.1')
    again = setup_env.Setup(ONEDL, setup.root, asked)
    assert not again.ready()


def test_halves_left_by_a_killed_pip_are_removed(setup, recorder):
    setup.run()
    site = setup.venv / 'lib' / 'python3.11' / 'site-packages'
    whole = 'a.py,,\na-1.dist-info/INSTALLER,,\na.pyc,,\n'
    records = {'a': whole, 'b': 'b.py,,\n', 'c': 'c.py,,\n', 'd': None}
    records['c'] += 'c-1.dist-info/INSTALLER,,\n'
    for name, record in records.items():
        info = site / f'{name}-1.dist-info'
        info.mkdir(parents=True)
        if record:
            (info / 'RECORD').write_text(record)
            (info / 'INSTALLER').write_text('pip')
    (site / 'a.py').write_text('')
    (site / 'b.py').write_text('')
    (site / '~ld').mkdir()
    assert setup.heal()
    assert sorted(p.name for p in site.iterdir()) == [
        'a-1.dist-info', 'a.py', 'b.py'
    ]  # fmt: skip


def test_second_set_up_waits(setup, recorder, capsys):
    setup.log.parent.mkdir()
    with setup.log.with_suffix('.lock').open('w') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = threading.Thread(target=setup.run)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        assert recorder.titles == []
    thread.join(20)
    assert recorder.titles == ALL
    assert 'Waiting for another set-up of .venv.' in capsys.readouterr().out


def test_upstream_compiles_mmcv_once(setup, recorder, monkeypatch, only_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(setup.root / 'cache'))
    monkeypatch.setattr(mmcv_wheel, 'need_compiler', lambda python: None)
    fake_python(only_path / 'python3.10', version='3.10.13')
    upstream = setup_env.Setup(UPSTREAM, setup.root)
    upstream.run()
    assert recorder.titles == [
        '.venv-openmmlab', 'packages', 'mmcv', 'mmcv', 'this', 'check'
    ]  # fmt: skip
    (folder,) = (setup.root / 'cache/mmseg_cube/wheels').iterdir()
    assert folder.name.startswith('mmcv-2.1.0-torch-2.1.2-python-3.10-')
    upstream.stamp.unlink()
    recorder.titles.clear()
    upstream.run()
    assert recorder.titles.count('mmcv') == 1


def test_stopped_compilation_leaves_no_wheel(tmp_path):
    def stop(title, command, **env):
        (Path(command[command.index('-w') + 1]) / 'half.whl').write_text('')
        raise steps.Problem('stopped')

    folder = tmp_path / 'wheels' / 'key'
    with pytest.raises(steps.Problem):
        mmcv_wheel.build(stop, Path('python'), Path('pins'), folder)
    assert list(folder.parent.iterdir()) == []


def test_missing_compiler_is_one_line(monkeypatch, only_path):
    monkeypatch.delenv('CXX', raising=False)
    with pytest.raises(steps.Problem, match='apt install g\\+\\+'):
        mmcv_wheel.need_compiler(Path('python'))


def test_a_name_that_does_not_run_is_passed_over(only_path, tmp_path):
    fake_python(only_path / 'python3.10', code=127)
    good = fake_python(tmp_path / 'later' / 'python3.10', version='3.10.13')
    assert find_python.find_python(('3.10',), None).path == good


def test_pyenv_versions_are_found(only_path, tmp_path):
    place = tmp_path / 'home/.pyenv/versions/3.10.13/bin/python3.10'
    good = fake_python(place, version='3.10.13')
    assert find_python.find_python(('3.10',), None).path == good


@pytest.mark.parametrize(
    'kind, asked, words',
    [
        (dict(version='3.8.18'), None, 'is needed; found: 3.8.18. Install'),
        (dict(code=1), None, 'found: none'),
        (dict(can_venv=0), None, 'apt install python3.11-venv'),
        (dict(code=1), 'python3', 'PYTHON=python3 does not run'),
        (dict(version='3.9.1'), 'python3', 'found: 3.9.1'),
    ],
)
def test_what_to_do_without_a_fitting_python(only_path, kind, asked, words):
    fake_python(only_path / 'python3', **kind)
    with pytest.raises(steps.Problem) as caught:
        find_python.find_python(('3.12', '3.11'), asked)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


def test_main_prints_one_line_and_returns_2(setup, monkeypatch, capsys):
    rooted = functools.partial(setup_env.Setup, root=setup.root)
    monkeypatch.setattr(setup_env, 'Setup', rooted)
    monkeypatch.setenv('PYTHON', '/nowhere/python')
    assert setup_env.main([]) == 2
    error = capsys.readouterr().err
    assert error.startswith('setup_env: PYTHON=/nowhere/python does not run')
    assert error.count('\n') == 1


@pytest.mark.parametrize(
    'output, words',
    [
        ('NewConnectionError: <pip>\nERROR: No match', 'no connection'),
        ('ERROR: [Errno 28] No space left on device', 'disk is full'),
        ('ERROR: one\nhint\n', 'failed: ERROR: one'),
        ('', 'no output'),
    ],
)
def test_failed_command_becomes_one_line(tmp_path, capsys, output, words):
    with (tmp_path / 'lock').open('w') as lock:
        step = steps.Steps(tmp_path / 'log', lock.fileno())
        (tmp_path / 'text').write_text(output)
        code = (
            f'import os; os.fstat({lock.fileno()});'
            f'print(open({str(tmp_path / "text")!r}).read()); exit(3)'
        )
        with pytest.raises(steps.Problem) as caught:
            step('Trial', [sys.executable, '-c', code])
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)
    assert output in (tmp_path / 'log').read_text()


@pytest.mark.parametrize('stack', setup_env.STACKS.values())
def test_requirements_are_pinned(stack):
    text = (ROOT / stack.requirements).read_text()
    lines = [x for x in text.splitlines() if x and not x.startswith('#')]
    assert all(re.fullmatch(r'[a-z0-9-]+==[^ ]+', x) for x in lines)
    names = [line.split('==')[0] for line in lines]
    assert len(names) == len(set(names))
    assert [n for n in names if n.startswith('opencv')] == ['opencv-python']
    assert not [n for n in names if n.startswith(('nvidia', 'cuda'))]
    setup_py = (ROOT / 'setup.py').read_text()
    needs = re.search(r'install_requires=\[(.*?)\]', setup_py, re.S)[1]
    assert set(re.findall(r"'([a-z-]+)", needs)) <= set(names)


def test_an_old_python_can_read_the_set_up():
    paths = [TOOLS / 'setup_env.py', *(TOOLS / 'setup_parts').glob('*.py')]
    assert len(paths) == 4
    for path in paths:
        ast.parse(path.read_text(), feature_version=(3, 8))
