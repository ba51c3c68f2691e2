from functools import partial

import numpy as np
import pytest
import torch

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.comparison import Look
from mmseg_cube.analysis.gradients.curves import draw_curves, draw_layers
from mmseg_cube.analysis.gradients.estimate import correlate
from mmseg_cube.analysis.gradients.heat_maps import (
    draw_heat_maps,
    find_top,
    pool,
)
from mmseg_cube.analysis.gradients.networks import Checkpoint
from mmseg_cube.analysis.gradients.statistics import Moments
from mmseg_cube.analysis.gradients.tables import make_tables, mean_of_layers

CELLS = dict(cell=torch.tensor([0, 0, 0, 0, 1, 1]))
NAMES = ['cube', 'plain']
LAYERS = ['level.0', 'level.1']


def look(iteration, groups=2, dead=0, cells=CELLS):
    """Two layers of six channels, some of them dead."""
    torch.manual_seed(0)
    found = {}
    for gradient in GRADIENTS:
        for layer in LAYERS:
            parts = []
            for _ in range(groups):
                samples = torch.randn(6, 20)
                samples[:dead] = 0
                parts.append(Moments(6))
                parts[-1].add(samples)
            found[gradient, layer] = correlate(parts, cells)
    return Look(Checkpoint(None, iteration), found)


def test_pooling_takes_means_of_blocks():
    matrix = np.arange(16.0).reshape(4, 4)
    assert pool(matrix, 4) is matrix
    assert pool(matrix, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    # Three rows in two blocks: one and two of them.
    assert pool(matrix[:3, :3], 2).tolist() == [[0, 1.5], [6, 7.5]]
    matrix[0] = matrix[:, 0] = np.nan
    assert pool(matrix, 2).tolist() == [[5, 6.5], [11, 12.5]]
    matrix[1] = matrix[:, 1] = np.nan
    assert np.isnan(pool(matrix, 2)[0]).all()
    assert pool(np.zeros((1152, 1152))).shape == (512, 512)


def test_colours_end_below_the_diagonal():
    matrix = torch.full((50, 50), 0.2).fill_diagonal_(1)
    matrix[0] = matrix[:, 0] = torch.nan
    assert find_top([matrix, -matrix]) == pytest.approx(0.2)
    assert find_top([torch.full((3, 3), torch.nan)]) == 1


@pytest.mark.parametrize(('networks', 'dead'), [(1, 6), (2, 2)])
def test_pictures_of_any_results(networks, dead, tmp_path):
    looks = [[look(0), look(300, dead=dead)]] * networks
    names = NAMES[:networks]
    last = [series[-1] for series in looks]
    short = dict(zip(LAYERS, '01', strict=True))
    pictures = dict(
        layers=partial(draw_layers, names, last, short),
        curves=partial(draw_curves, names, looks, short),
        heat_maps=partial(draw_heat_maps, names, last, LAYERS[0]),
    )
    panels = dict(layers=6, curves=6, heat_maps=2 * networks + 2)
    figures = {name: draw() for name, draw in pictures.items()}
    for name, figure in figures.items():
        figure.savefig(tmp_path / f'{name}.png')
        assert len(figure.axes) == panels[name]
    lines = figures['curves'].axes[0].get_lines()
    assert sum(len(line.get_xdata()) == 2 for line in lines) >= 3 * networks
    assert list(lines[0].get_xdata()) == [0, 300]


def test_tables_have_a_row_per_layer_and_network():
    tables = make_tables([[look(300)], [look(300)]], LAYERS)
    titles = [f'gradient of the {x}s, iteration 300' for x in GRADIENTS]
    assert list(tables) == titles
    head, *rows = tables[titles[0]]
    assert [row[0] for row in rows[::3]] == ['0', '1', 'mean of layers']
    assert [row[1] for row in rows] == ['network', 'against', 'ratio'] * 3
    assert rows[0][2:5] == ['6', '0', '40']
    assert rows[0][2:] == rows[1][2:]
    # The same network twice.
    assert rows[2][5:] == ['1.00 ± 0.00'] * (len(head) - 5)


def test_table_of_one_network_without_cells_and_errors():
    alone = look(None, groups=1, cells=None)
    ((title, rows), _) = make_tables([[alone]], LAYERS[:1]).items()
    assert 'unknown iteration' in title
    assert len(rows) == 2
    assert rows[1][-2:] == ['-', '-']
    assert not any('±' in cell for cell in rows[1])


def test_mean_of_layers_is_that_of_their_values():
    seen = look(0)
    means = mean_of_layers(seen, GRADIENTS[0])
    assert 'off_diagonal_norm' not in means
    for name, mean in means.items():
        values = [
            seen.layers[GRADIENTS[0], layer].statistics[name].value
            for layer in LAYERS
        ]
        assert mean.value == pytest.approx(sum(values) / 2)
