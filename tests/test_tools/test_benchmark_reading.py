"""The benchmark of reading, called as a function."""

import json

import pytest
import torch

from mmseg_cube.analysis.benchmark.reading import Result, tabulate
from mmseg_cube.analysis.benchmark.rounds import Spread


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/benchmark_reading')


def test_measures_a_drawn_tile(tool, tmp_path, capsys):
    out = tmp_path / 'new' / 'folder'
    args = ['--tile-size', '600', '--repeats', '2']
    assert tool.main([*args, '--out', str(out)]) == 0
    assert 'of 2 bars met; table.md and' in capsys.readouterr().out

    numbers = json.loads((out / 'results.json').read_text())
    facts, results = numbers['facts'], numbers['results']
    assert facts['torch'] == torch.__version__
    assert (facts['size'], facts['repeats']) == (512, 2)
    assert facts['tiles'] == 'drawn, 600 px'
    windows, reopened, whole = results
    assert windows['bar'] == reopened['bar'] == 60
    assert whole['bar'] is None and whole['passes'] is None
    assert whole['speed_up']['median'] == 1
    for result in results:
        seconds = result['seconds']
        assert 0 < seconds['low'] <= seconds['median'] <= seconds['high']
        rate = result['windows_per_second']
        assert rate == pytest.approx(1 / seconds['median'])
        assert result['passes'] in (None, rate >= 60)
    rows = (out / 'table.md').read_text().splitlines()
    assert [row.split('|')[1].strip() for row in rows[4:]] == [
        result['name'] for result in results
    ]
    assert sorted(p.name for p in out.iterdir()) == [
        'results.json',
        'table.md',
    ]


def test_measures_given_tiles_without_a_bar(tool, sample_city, capsys):
    args = ['--size', '64', '--repeats', '1', '--split', 'train']
    assert tool.main([str(sample_city['inria']), *args]) == 0
    assert 'no bars are set' in capsys.readouterr().out


def test_bar():
    spread = Spread(0.9, 1.0, 1.1)
    fast = Result('fast', Spread(0.005, 0.01, 0.02), spread, 60)
    slow = Result('slow', Spread(0.005, 0.02, 0.03), spread, 60)
    assert (fast.passes, slow.passes) == (True, False)
    _, *rows = tabulate([fast, slow])
    assert rows[0] == [
        'fast', '10.00', '5.00 - 20.00', '100.0', '1.0', '60 pass'
    ]  # fmt: skip
    assert rows[1][3:] == ['50.0', '1.0', '60 miss']


@pytest.mark.parametrize(
    ('args', 'said'),
    [
        (['nowhere'], "no folder 'train'"),
        (['--tile-size', '100'], 'less than a window of 512'),
    ],
)
def test_wrong_input(tool, args, said, capsys):
    assert tool.main(args) == 2
    assert said in capsys.readouterr().err
