"""``mmseg-cube train``; tests/test_tools/test_processes.py trains with it."""

import importlib.util

from mmseg_cube.cli import main


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
