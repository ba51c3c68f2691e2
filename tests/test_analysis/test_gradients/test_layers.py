import pytest
import torch
from torch import nn

from mmseg_cube.analysis.gradients.layers import (
    CELL,
    CELL_BEFORE,
    choose_layers,
    list_convolutions,
    number_cells,
)
from mmseg_cube.layers import CubeConv2d


class OtherConv(nn.Conv2d):
    """Whether it convolves with its weight is not known."""


def network(**convs):
    return list_convolutions(nn.ModuleDict(convs))


CUBE = network(
    stem=nn.Conv2d(3, 8, 3),
    first=CubeConv2d(8, 8, 3),
    last=CubeConv2d(8, 8, 3, scale=1),
    extra=CubeConv2d(8, 8, 3),
    other=OtherConv(8, 8, 3),
)
PLAIN = network(
    stem=nn.Conv2d(3, 8, 3),
    first=nn.Conv2d(8, 8, 3),
    last=nn.Conv2d(8, 8, 3),
)


def test_cubes_of_either_network_are_compared():
    assert list(CUBE) == ['stem', 'first', 'last', 'extra']
    for pair in ([CUBE, PLAIN], [PLAIN, CUBE]):
        assert choose_layers(pair) == dict(first=2, last=1)
    assert choose_layers([CUBE]) == dict(first=2, last=1, extra=2)
    chosen = choose_layers([CUBE, PLAIN], ['last', 'st*'])
    assert chosen == dict(stem=0, last=1)


@pytest.mark.parametrize(
    ('networks', 'patterns', 'message'),
    [
        ([PLAIN], None, 'none of the .* is a Cube .* are 3: stem, first'),
        ([CUBE, PLAIN], ['first', 'ext*'], "'ext.' matches no .* 3: stem"),
        ([CUBE, network(x=nn.Conv2d(8, 8, 3))], None, 'no convolutions of'),
    ],
)
def test_what_there_is_is_listed(networks, patterns, message):
    with pytest.raises(ValueError, match=message):
        choose_layers(networks, patterns)


def test_cells_without_a_router_are_runs_of_channels():
    runs = [0, 0, 0, 0, 1, 1, 1, 1]
    for conv in (CUBE['first'], PLAIN['first']):
        cells = number_cells(conv, 2)
        assert cells[CELL].tolist() == cells[CELL_BEFORE].tolist() == runs
        assert number_cells(conv, 0) == number_cells(conv, 1) == {}


def test_router_decides_which_channels_share_a_cell():
    router = dict(method='random', seed=3)
    conv = CubeConv2d(8, 8, 3, router=router)
    order = conv.router.permutation().tolist()
    cells = number_cells(conv, 2)
    assert cells[CELL_BEFORE].tolist() == [0] * 4 + [1] * 4
    for cell in (0, 1):
        sharing = torch.where(cells[CELL] == cell)[0].tolist()
        assert sharing == sorted(order[4 * cell : 4 * cell + 4])
