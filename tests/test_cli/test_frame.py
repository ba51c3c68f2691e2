"""The frame of the command: help, bad words, errors, Ctrl-C."""

import logging
import runpy
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from mmengine.logging import MMLogger

from mmseg_cube import __version__
from mmseg_cube.cli import check, frame, main
from mmseg_cube.cli.frame import COMMANDS

# What a process loads that starts with the console script.
LIGHT = """
import sys
sys.argv = ['mmseg-cube']
from mmseg_cube.cli import main
for name in (None, *sys.stdin.read().split()):
    assert main([*([name] if name else []), '--help']) == 0, name
print('heavy', {'torch', 'mmengine', 'mmseg', 'matplotlib'} & set(sys.modules))
"""


def test_help_of_every_command_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, '-c', LIGHT],
        input=' '.join(COMMANDS),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith('heavy set()\n')
    for name in COMMANDS:
        assert f'usage: mmseg-cube {name} ' in done.stdout
        assert f'\n  {name} ' in done.stdout.split('usage: ')[1]


def test_importing_the_package_changes_and_says_nothing():
    code = (
        'import mmseg_cube, sys; from mmengine.dist import utils as u; '
        'print("matplotlib" in sys.modules, '
        'hasattr(u._init_dist_pytorch, "__wrapped__"), '
        '[m for m in sys.modules if m.startswith("mmseg_cube.analysis")])'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ('False False []\n', '')


def test_version(capsys):
    assert main(['--version']) == 0
    assert capsys.readouterr().out == f'{__version__}\n'


@pytest.mark.parametrize('words', ([], ['predcit'], ['--wrong']))
def test_words_that_are_no_command_end_with_2(words, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert 'predict' in out + err


@pytest.mark.parametrize(
    ('error', 'said'),
    (
        (ValueError('blue; paint it red'), 'error: blue; paint it red'),
        (FileNotFoundError('blue; paint it'), 'error: blue; paint it'),
        (FileNotFoundError(2, 'No', 'a.png'), 'error: file not found: a.png'),
        (FileNotFoundError(), 'error: FileNotFoundError'),
        (MemoryError(), 'error: out of memory. Choose a smaller --batch'),
        (RuntimeError("can't allocate memory."), 'memory. Choose a smaller'),
        (OSError(28, 'No space', 'a.png'), 'error: a.png: No space. Make'),
    ),
)
def test_bad_input_is_one_line(error, said, capsys, monkeypatch):
    monkeypatch.setattr(check, 'run', Mock(side_effect=error))
    assert main(['check']) == 2
    out, err = capsys.readouterr()
    assert (out, err.count('\n')) == ('', 1)
    assert err.startswith('mmseg-cube check: error: ') and said in err
    monkeypatch.setenv('MMSEG_CUBE_TRACEBACK', '1')
    with pytest.raises(type(error)):
        main(['check'])


def test_faults_of_the_program_are_not_hidden(monkeypatch):
    monkeypatch.setattr(check, 'run', lambda args: {}['x'])
    with pytest.raises(KeyError):
        main(['check'])


@pytest.mark.parametrize(
    ('continues', 'message'),
    (
        ('', 'stopped.'),
        (True, 'stopped. The same command continues where it stopped.'),
        ('Add --resume.', 'stopped. Add --resume.'),
    ),
)
def test_ctrl_c_says_how_to_continue(continues, message, capsys, monkeypatch):
    monkeypatch.setattr(check, 'run', Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr(check, 'CONTINUES', continues, raising=False)
    assert main(['check']) == 130
    assert capsys.readouterr().err == f'mmseg-cube check: {message}\n'


def test_the_log_is_quiet_only_while_a_command_runs(monkeypatch):
    log = MMLogger.get_current_instance()
    level, seen = log.level, []
    monkeypatch.setattr(check, 'run', lambda args: seen.append(log.level))
    assert main(['check']) == 0
    assert seen == [logging.WARNING] and log.level == level


def test_scripts_stand_for_commands(monkeypatch, capsys):
    """Whoever looks for tools/NAME.py finds what mmseg-cube does."""
    tools = Path(__file__).resolve().parents[2] / 'tools'
    scripts = {*tools.rglob('*.py')} - {tools / 'demo.py'}
    assert len(scripts) > 15
    for script in scripts:
        monkeypatch.setattr(sys, 'argv', [str(script), '--help'])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(script), run_name='__main__')
        assert stop.value.code == 0
        command = script.read_text().partition('``mmseg-cube ')[2]
        command = command.partition('``')[0]
        assert f'usage: mmseg-cube {command} ' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('words', 'tta'),
    [
        ('a.tif', 'none'),
        ('a.tif --tta', 'flips'),
        ('--tta a.tif', 'flips'),
        ('--tta --amp a.tif', 'flips'),
        ('--tta d4 a.tif', 'd4'),
        ('--tta eight a.tif', None),
        ('a.tif --tta eight', None),
        ('a.tif --tta=none', 'none'),
        ('a.tif --tta=eight', None),
    ],
)
def test_a_value_may_be_left_out(words, tta, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(frame, '_run', lambda *args: seen.append(args[2]))
    main(['predict', *words.split(), '--out', 'x'])
    found = [(args.tta, args.inputs) for args in seen]
    assert found == ([(tta, ['a.tif'])] if tta else [])
    err = capsys.readouterr().err
    assert ("argument --tta: invalid choice: 'eight'" in err) == (not tta)
