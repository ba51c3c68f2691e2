import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.analysis.complexity.configs import Sized
from mmseg_cube.analysis.complexity.count import Complexity
from mmseg_cube.analysis.complexity.report import (
    tabulate,
    tabulate_modules,
    write_report,
)


@pytest.fixture()
def pair():
    baseline = Sized(
        'net_1xb8-80k_whu-512x512',
        Path('configs/net_1xb8-80k_whu-512x512.py'),
        {
            '': Complexity(4_000_000, 10_000_000_000, 2_000_000),
            'head': Complexity(2_000_000, 10_000_000_000, 2_000_000),
            'head.conv': Complexity(2_000_000, 10_000_000_000, 2_000_000),
            'head.act': Complexity(0, 0, 0),
            'norm': Complexity(2_000_000, 0, 0),
        },
    )
    twin = Sized(
        'cube-net_1xb8-80k_whu-512x512',
        Path('configs/cube-net_1xb8-80k_whu-512x512.py'),
        {
            '': Complexity(3_000_000, 5_000_000_000, 2_500_000),
            'head': Complexity(1_000_000, 5_000_000_000, 2_500_000),
            'head.conv': Complexity(900_000, 4_000_000_000, 2_000_000),
            'head.mask': Complexity(100_000, 1_000_000_000, 500_000),
            'norm': Complexity(2_000_000, 0, 0),
        },
        baseline,
    )
    return [baseline, twin]


def test_table(pair):
    head, first, second = tabulate(pair)
    assert head == [
        'Config', 'Params (M)', 'saved', 'FLOPs (G)', 'saved',
        'Activations (M)', 'saved',
    ]  # fmt: skip
    assert first[1:] == ['4.00', '', '10.00', '', '2.00', '']
    assert second[1:] == [
        '3.00', '25.00 %', '5.00', '50.00 %', '2.50', '-25.00 %',
    ]  # fmt: skip


def test_modules_side_by_side(pair):
    rows = {row[0]: row[1:] for row in tabulate_modules(pair[1], 2)}
    # What the twin has more stands with what it is in; nothing is left out
    # but what has neither parameters nor costs.
    assert list(rows) == [
        'Module', '', 'head', 'head.conv', 'head.mask', 'norm',
    ]  # fmt: skip
    assert rows['Module'] == [
        'Params (M)', 'after', 'saved', 'FLOPs (G)', 'after', 'saved',
        'Activations (M)', 'after', 'saved',
    ]  # fmt: skip
    assert rows[''][:3] == ['4.000', '3.000', '25.00 %']
    assert rows['head.mask'] == [
        '', '0.100', '', '', '1.000', '', '', '0.500', '',
    ]  # fmt: skip
    assert rows['norm'][:6] == [
        '2.000', '2.000', '0.00 %', '0.000', '0.000', '',
    ]  # fmt: skip


def test_depth_and_single_network(pair):
    rows = tabulate_modules(pair[0], 1)
    assert rows == [
        ['Module', 'Params (M)', 'FLOPs (G)', 'Activations (M)'],
        ['', '4.000', '10.000', '2.000'],
        ['head', '2.000', '10.000', '2.000'],
        ['norm', '2.000', '0.000', '0.000'],
    ]


def test_report(pair, tmp_path):
    write_report(pair, 512, 1, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        'complexity.json', 'complexity.md', 'chart.png',
    }  # fmt: skip
    content = json.loads((tmp_path / 'complexity.json').read_text())
    assert content['size'] == 512
    first, second = content['networks']
    assert 'baseline' not in first
    assert second['baseline'] == first['name']
    assert second['flops'] == 5_000_000_000
    assert second['saved'] == dict(parameters=25, flops=50, activations=-25)
    assert list(second['modules']) == ['', 'head', 'norm']
    assert second['modules']['head']['activations'] == 2_500_000

    text = (tmp_path / 'complexity.md').read_text()
    assert '512 x 512' in text
    assert '| 3.00 | 25.00 % | 5.00 | 50.00 % | 2.50 | -25.00 % |' in text
    assert '| head | 2.000 | 1.000 | 50.00 % |' in text

    write_report(pair, 512, None, tmp_path)
    assert '| head |' not in (tmp_path / 'complexity.md').read_text()


def colours(path):
    image = np.asarray(Image.open(path).convert('RGB')).reshape(-1, 3)
    values, counts = np.unique(image, axis=0, return_counts=True)
    return {tuple(v): c for v, c in zip(values.tolist(), counts, strict=True)}


def test_chart_shows_bars_in_proportion(pair, tmp_path):
    write_report(pair, 512, None, tmp_path)
    found = colours(tmp_path / 'chart.png')
    blue, orange = found[31, 119, 180], found[255, 127, 14]
    # Baselines of 4 and 10 to twins of 3 and 5, each to its own scale.
    assert orange / blue == pytest.approx((3 / 4 + 5 / 10) / 2, abs=0.03)


def test_chart_of_a_network_alone(pair, tmp_path):
    write_report(pair[:1], 512, None, tmp_path)
    found = colours(tmp_path / 'chart.png')
    assert (31, 119, 180) in found
    assert (255, 127, 14) not in found


def test_nothing_is_left_behind_if_writing_fails(pair, tmp_path):
    (tmp_path / 'complexity.json').mkdir()
    with pytest.raises(OSError, match='complexity.json'):
        write_report(pair, 512, None, tmp_path)
    assert not [p for p in tmp_path.iterdir() if p.name.endswith('.part')]
