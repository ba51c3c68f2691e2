"""``mmseg-cube train``; tests/test_tools/test_processes.py trains with it."""

import importlib.util
import re

import pytest
from mmengine.device import get_device

from mmseg_cube.cli import main


@pytest.mark.skipif(get_device() != 'cpu', reason='there is a GPU')
@pytest.mark.parametrize('given', ['--amp', 'optim_wrapper.type'])
def test_mixed_precision_on_a_cpu_is_one_line(given, tiny_config, capsys):
    words = [given]
    if given != '--amp':
        words = ['--cfg-options', f'{given}=AmpOptimWrapper']
    assert main(['train', str(tiny_config), *words]) == 2
    said = capsys.readouterr().err
    assert 'needs a GPU' in said
    assert said.count('\n') == 1


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('val_evaluator.foo=1', "config does not fit: TypeError: .*'foo'"),
        ('val_evaluator.group_by=a', 'error: group_by needs a regular'),
        ('train_dataloader.dataset.split=5', 'error: split must be one of'),
        ('default_hooks.logger.foo=1', "does not fit: TypeError: .*'foo'"),
    ],
)
def test_parts_that_cannot_be_built_are_one_line(
    option, message, tiny_config, tmp_path, capsys
):
    words = ['train', str(tiny_config), '--work-dir', str(tmp_path)]
    assert main([*words, '--cfg-options', option]) == 2
    said = capsys.readouterr().err
    assert re.search(message, said)
    assert 'Traceback' not in said


def test_mmseg_without_its_scripts_is_one_line(
    tiny_config, tmp_path, monkeypatch, capsys
):
    origin = tmp_path / 'mmseg' / '__init__.py'
    spec = importlib.util.spec_from_file_location('mmseg', origin)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        'find_spec',
        lambda name, *rest: spec if name == 'mmseg' else find(name, *rest),
    )
    assert main(['train', str(tiny_config)]) == 2
    said = capsys.readouterr().err
    assert 'mmseg has no ' in said
    assert said.count('\n') == 1
