"""``mmseg-cube complexity``: tables on the terminal and in files."""

import json
import re
from pathlib import Path

import pytest

from mmseg_cube.cli import main

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'unet_convnext'
STEM = 'unet_convnext-atto_1xb8-600_whu-128x128'
SMALL, CUBE = FOLDER / f'{STEM}.py', FOLDER / f'cube-{STEM}.py'


@pytest.fixture()
def configs(tmp_path):
    """A folder with a pair on two data sets."""
    folder = tmp_path / 'configs'
    folder.mkdir()
    for data in ('whu', 'wbd'):
        for name, path in (('net', SMALL), ('cube-net', CUBE)):
            config = folder / f'{name}_1xb8-600_{data}-64x64.py'
            config.write_text(f'_base_ = {str(path)!r}')
    return folder


def run(*words):
    return main(['complexity', '--size', '64', *map(str, words)])


def rows(text, word):
    """Name and savings of the rows that have a word in them."""
    return [
        (line.split('_1xb8')[0].split()[0], re.findall(r'([\d.-]+) %', line))
        for line in text.splitlines()
        if word in line
    ]


def test_pairs_of_a_folder(configs, tmp_path, capsys):
    out = tmp_path / 'new' / 'out'
    assert run(configs, '--out', out) == 0
    text = capsys.readouterr().out
    (plain, nothing), (twin, saved), *others = rows(text, 'net_')
    assert others == [(plain, nothing), (twin, saved)]
    assert (plain, nothing, twin) == ('net', [], 'cube-net')
    assert min(map(float, saved[:2])) > 10
    assert str(out) in text
    _, cube, *_ = json.loads((out / 'complexity.json').read_text())['networks']
    assert [f'{x:.2f}' for x in cube['saved'].values()] == saved
    assert 'cube-net' in (out / 'complexity.md').read_text()
    assert (out / 'complexity.png').read_bytes().startswith(b'\x89PNG')


def test_against_a_baseline(configs, capsys):
    assert run(configs, '--against', SMALL) == 0
    (name, nothing), *found = rows(capsys.readouterr().out, '_1xb8')
    assert (name, nothing) == ('unet_convnext-atto', [])
    plain = [saved for name, saved in found if name == 'net']
    assert plain == [['0.00', '0.00']] * 2
