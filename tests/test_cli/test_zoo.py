"""``mmseg-cube zoo``: pages and metafiles are those of the configs."""

import shutil
from pathlib import Path

import pytest

from mmseg_cube.analysis.complexity.configs import ConfigCounter
from mmseg_cube.analysis.zoo import pages
from mmseg_cube.cli import main

ROOT = Path(__file__).resolve().parents[2]
FAMILY = ROOT / 'configs' / 'unet_convnext'
STEM = 'unet_convnext-atto_1xb8-600_whu-128x128'


@pytest.fixture()
def copy(tmp_path):
    """The family of the smallest pair, with that pair only."""
    base, folder = (tmp_path / 'configs' / x for x in ('_base_', FAMILY.name))
    shutil.copytree(FAMILY.parent / '_base_', base)
    folder.mkdir()
    for name in ('README.md', f'{STEM}.py', f'cube-{STEM}.py'):
        shutil.copy(FAMILY / name, folder)
    text = (FAMILY / 'metafile.yml').read_text()
    (folder / 'metafile.yml').write_text(text.partition('Models:')[0])
    return tmp_path


def test_writes_checks_and_finds_what_is_outdated(copy, monkeypatch, capsys):
    monkeypatch.chdir(copy)
    counter = ConfigCounter()  # that knows what it has counted before
    monkeypatch.setattr(pages, 'ConfigCounter', lambda: counter)
    place = f'configs/{FAMILY.name}'
    names = [f'{place}/metafile.yml', f'{place}/README.md', 'model-index.yml']
    assert main(['zoo', '--check']) == 1
    said = capsys.readouterr().out
    assert all(f'{name} is out of date' in said for name in names)
    assert STEM not in (copy / names[0]).read_text()
    assert not (copy / names[2]).exists()

    assert main(['zoo']) == 0
    said = capsys.readouterr().out
    assert all(f'{name} written' in said for name in names)
    assert STEM in (copy / names[0]).read_text()
    assert main(['zoo', '--check']) == 0

    (copy / names[1]).unlink()
    assert main(['zoo']) == 2
    assert names[1] in capsys.readouterr().err


def test_the_model_zoo_is_up_to_date(capsys):
    code = main(['zoo', '--check', '--root', str(ROOT)])
    output = capsys.readouterr()
    assert code == 0, output.out + output.err
