"""The tool that keeps the model zoo up to date, called as a function."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAMILY = ROOT / 'configs' / 'unet_convnext'
STEM = 'unet_convnext-atto_1xb8-600_whu-128x128'


@pytest.fixture(scope='module')
def main(load_tool):
    module = load_tool('model_zoo')
    return lambda *args: module.main(list(map(str, args)))


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


def test_writes_checks_and_finds_what_is_outdated(main, copy, capsys):
    place = f'configs/{FAMILY.name}'
    names = [f'{place}/metafile.yml', f'{place}/README.md', 'model-index.yml']
    before = (copy / names[0]).read_text()
    assert main('--root', copy, '--check') == 1
    said = capsys.readouterr().out
    assert [f'{name} is out of date' in said for name in names] == [True] * 3
    assert (copy / names[0]).read_text() == before
    assert not (copy / names[2]).exists()

    assert main('--root', copy) == 0
    said = capsys.readouterr().out
    assert [f'{name} written' in said for name in names] == [True] * 3
    assert STEM in (copy / names[0]).read_text()
    assert main('--root', copy, '--check') == 0
    assert 'out of date' not in capsys.readouterr().out

    readme = copy / names[1]
    readme.write_text(readme.read_text().replace(' %', ' percent'))
    assert main('--root', copy, '--check') == 1
    said = capsys.readouterr().out
    assert [f'{name} is out of date' in said for name in names] == [
        False, True, False,
    ]  # fmt: skip


def test_faults_are_said(main, copy, tmp_path, capsys):
    readme = copy / 'configs' / FAMILY.name / 'README.md'
    readme.unlink()
    for option in ([], ['--check']):
        assert main('--root', copy, *option) == 2
        assert f'{readme} is missing' in capsys.readouterr().err
    assert not (copy / 'model-index.yml').exists()
    assert main('--root', tmp_path / 'nowhere') == 2
    assert 'nowhere' in capsys.readouterr().err


def test_the_model_zoo_is_up_to_date(main, capsys):
    code = main('--check')
    output = capsys.readouterr()
    assert code == 0, output.out + output.err
