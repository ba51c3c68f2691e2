from pathlib import Path

import pytest

from mmseg_cube.analysis.complexity.configs import Sized
from mmseg_cube.analysis.complexity.count import Complexity
from mmseg_cube.analysis.complexity.report import tabulate


def sized(name, modules, baseline=None):
    """A network whose modules have so many millions and thousand millions."""
    counts = {
        key: Complexity(int(millions * 1e6), int(thousands * 1e9))
        for key, (millions, thousands) in modules.items()
    }
    name += '_1xb8-80k_whu-512x512'
    return Sized(name, Path(f'configs/{name}.py'), counts, baseline)


@pytest.fixture
def pair():
    baseline = {
        '': (4, 10), 'head': (2, 10), 'head.conv': (2, 10),
        'head.act': (0, 0), 'norm': (2, 0),
    }  # fmt: skip
    twin = {
        '': (3, 5), 'head': (1, 5), 'head.conv': (0.9, 4),
        'head.mask': (0.1, 1), 'norm': (2, 0),
    }  # fmt: skip
    baseline = sized('net', baseline)
    return [baseline, sized('cube-net', twin, baseline)]


def test_modules_side_by_side(pair):
    _, table = tabulate(pair, 512, 2)
    assert table.title == f'{pair[0].name} → {pair[1].name}'
    # What the twin has more stands with what it is in; nothing is left out
    # but what has neither parameters nor costs.
    assert [', '.join(row) for row in (table.head, *table.rows)] == [
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
