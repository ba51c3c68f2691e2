"""The tool that counts networks, called as a function."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs' / 'unet_convnext'
STEM = 'unet_convnext-atto_1xb8-600_whu-128x128'
SMALL, CUBE = FOLDER / f'{STEM}.py', FOLDER / f'cube-{STEM}.py'


@pytest.fixture(scope='module')
def main(load_tool):
    module = load_tool('analysis_tools/complexity')
    return lambda *args: module.main(['--size', '64', *map(str, args)])


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


def rows(text, word):
    """Name and savings of the rows that have a word in them."""
    return [
        (line.split()[0], re.findall(r'([\d.-]+) %', line))
        for line in text.splitlines()
        if word in line and '→' not in line
    ]


def test_pairs_of_a_folder(main, configs, capsys):
    assert main(configs) == 0
    found = rows(capsys.readouterr().out, 'net_')
    assert [name.split('_')[0] for name, _ in found] == ['net', 'cube-net'] * 2
    assert found[0][1] == found[2][1] == []
    assert found[1][1] == found[3][1]
    parameters, flops, _ = map(float, found[1][1])
    assert parameters > 10
    assert flops > 10


def test_cube_config_brings_its_baseline(main, capsys):
    assert main(CUBE) == 0
    found = rows(capsys.readouterr().out, 'atto')
    assert [name for name, _ in found] == [STEM, f'cube-{STEM}']
    assert len(found[1][1]) == 3


def test_against_a_baseline(main, configs, capsys):
    assert main(configs, '--against', SMALL) == 0
    found = rows(capsys.readouterr().out, '_1xb8')
    assert found[0] == (STEM, [])
    plain, cube = (
        [saved for name, saved in found[1:] if name.startswith(kind)]
        for kind in ('net', 'cube')
    )
    assert plain == [['0.00', '0.00', '0.00']] * 2
    assert float(cube[0][0]) > 10


def test_modules_to_a_depth(main, configs, capsys):
    assert main(configs, '--by-module') == 0
    text = capsys.readouterr().out
    # Both pairs are the same networks, which are shown once.
    assert text.count('→') == 1
    names = [line.split()[0] for line in text.splitlines() if line.strip()]
    modules = names[names.index('Module') :]
    assert {'all', 'backbone', 'decode_head', 'levels'} <= set(modules)
    assert '0' not in modules
    ((_, saved),) = rows(text, ' backbone ')
    assert saved == ['0.00'] * 3

    assert main(configs, '--by-module', '--depth', 1) == 0
    assert ' levels ' not in capsys.readouterr().out


def test_report(main, configs, tmp_path, capsys):
    out = tmp_path / 'new' / 'out'
    assert main(configs, '--by-module', '--out', out) == 0
    assert str(out) in capsys.readouterr().out
    content = json.loads((out / 'complexity.json').read_text())
    assert content['size'] == 64
    assert len(content['networks']) == 4
    cube = content['networks'][1]
    assert cube['baseline'] == content['networks'][0]['name']
    parts = ('backbone', 'decode_head')
    assert cube['flops'] == sum(cube['modules'][x]['flops'] for x in parts)
    assert 'decode_head.levels' in (out / 'complexity.md').read_text()
    assert (out / 'chart.png').read_bytes().startswith(b'\x89PNG')


def test_faults_are_said(main, configs, tmp_path, capsys):
    empty, plain = tmp_path / 'empty', tmp_path / 'plain.py'
    empty.mkdir()
    plain.write_text('a = 1')
    unet = tmp_path / 'unet.py'
    unet.write_text(
        f'_base_ = {str(SMALL)!r}\n'
        "model = dict(backbone=dict(_delete_=True, type='UNet', "
        'base_channels=4), decode_head=dict(in_channels=[32, 64], '
        'in_index=[3, 4], widths=[4]))'
    )
    (configs / 'net_1xb8-600_wbd-64x64.py').unlink()
    for args, said in (
        ([tmp_path / 'missing.py'], 'missing.py'),
        ([SMALL, '--against', 'missing.py'], 'missing.py'),
        ([SMALL, '--against', SMALL], 'nothing to compare'),
        ([empty], 'empty has no configs'),
        ([plain], 'plain.py has no model'),
        ([configs], 'no net_1xb8-600_wbd-64x64.py beside it'),
        ([unet, '--size', '72'], 'no image of 72 x 72 passes'),
        ([SMALL, '--out', plain], 'plain.py'),
    ):
        assert main(*args) == 2
        output = capsys.readouterr()
        assert said in output.err
        assert not output.out


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ('--size 0', '--size: must be a positive number'),
        ('--by-module --depth x', '--depth: must be a positive number'),
        ('--depth 1', '--depth says how deep --by-module goes'),
    ],
)
def test_wrong_options(main, options, said, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(SMALL, *options.split())
    assert said in capsys.readouterr().err


def test_help(main, capsys):
    with pytest.raises(SystemExit, match='0'):
        main('--help')
    assert '--by-module' in capsys.readouterr().out
