import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.analysis.complexity.configs import Sized
from mmseg_cube.analysis.complexity.count import Complexity
from mmseg_cube.analysis.complexity.report import tabulate, write


def sized(name, baseline=None, **modules):
    """A network whose modules have so many millions of each."""
    counts = {
        key.replace('all', '').replace('__', '.'): Complexity(
            int(a * 1e6), int(b * 1e9), int(c * 1e6)
        )
        for key, (a, b, c) in modules.items()
    }
    name += '_1xb8-80k_whu-512x512'
    return Sized(name, Path(f'configs/{name}.py'), counts, baseline)


@pytest.fixture()
def pair():
    baseline = sized(
        'net', all=(4, 10, 2), head=(2, 10, 2), head__conv=(2, 10, 2),
        head__act=(0, 0, 0), norm=(2, 0, 0),
    )  # fmt: skip
    twin = sized(
        'cube-net', baseline, all=(3, 5, 2.5), head=(1, 5, 2.5),
        head__conv=(0.9, 4, 2), head__mask=(0.1, 1, 0.5), norm=(2, 0, 0),
    )  # fmt: skip
    return [baseline, twin]


def text(*rows):
    return [', '.join(row) for row in rows]


def test_table(pair):
    (table,) = tabulate(pair, 512, None)
    assert table.title == '2 configs, one image of 512 x 512'
    first, second = table.rows
    assert text(table.head, first[1:], second[1:]) == [
        'Config, Params (M), saved, FLOPs (G), saved, Activations (M), saved',
        '4.000, , 10.000, , 2.000, ',
        '3.000, 25.00 %, 5.000, 50.00 %, 2.500, -25.00 %',
    ]


def test_modules_side_by_side(pair):
    _, table = tabulate(pair, 512, 2)
    assert table.title == f'{pair[0].name} → {pair[1].name}'
    # What the twin has more stands with what it is in; nothing is left out
    # but what has neither parameters nor costs.
    assert text(table.head[:7], *(row[:7] for row in table.rows)) == [
        'Module, Params (M) before, after, saved, '
        'FLOPs (G) before, after, saved',
        'all, 4.000, 3.000, 25.00 %, 10.000, 5.000, 50.00 %',
        'head, 2.000, 1.000, 50.00 %, 10.000, 5.000, 50.00 %',
        'head.conv, 2.000, 0.900, 55.00 %, 10.000, 4.000, 60.00 %',
        'head.mask, , 0.100, , , 1.000, ',
        'norm, 2.000, 2.000, 0.00 %, 0.000, 0.000, ',
    ]
    _, alone = tabulate(pair[:1], 512, 1)
    assert [row[0] for row in alone.rows] == ['all', 'head', 'norm']


def test_report(pair, tmp_path):
    write(pair, 512, 1, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        'complexity.json', 'complexity.md', 'complexity.png',
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
    assert '50.00 %' in text
    # Baselines of 4 and 10 to twins of 3 and 5, each to its own scale.
    picture = np.asarray(Image.open(tmp_path / 'complexity.png'))[..., :3]
    blue, orange = (
        (picture == colour).all(-1).sum()
        for colour in [(31, 119, 180), (255, 127, 14)]
    )
    assert orange / blue == pytest.approx((3 / 4 + 5 / 10) / 2, abs=0.03)

    write(pair[:1], 512, None, tmp_path)
    assert '| head ' not in (tmp_path / 'complexity.md').read_text()
