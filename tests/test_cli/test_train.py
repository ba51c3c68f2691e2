"""``mmseg-cube train``; tests/test_tools/test_processes.py trains with it."""

import importlib.util

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
