import pytest
import torch
from torch import nn

from mmseg_cube.analysis.gradients.layers import (
    CELL,
    CELL_BEFORE,
    choose_layers,
    count_left_out,
    find_scale,
    list_convolutions,
    number_cells,
    shorten_names,
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
        assert choose_layers(pair) == ['first', 'last']
        assert count_left_out(pair, ['first', 'last']) == 1
        assert find_scale('first', pair) == 2
        assert find_scale('stem', pair) is None
    assert choose_layers([CUBE]) == ['first', 'last', 'extra']


def test_patterns_choose_any_convolution():
    assert choose_layers([CUBE, PLAIN], ['*st*']) == ['stem', 'first', 'last']
    found = choose_layers([CUBE, PLAIN], ['last', 'st*'])
    assert found == ['stem', 'last']
    assert choose_layers([PLAIN], ['first']) == ['first']


def test_what_there_is_is_listed():
    with pytest.raises(ValueError, match='no convolution of the network is'):
        choose_layers([PLAIN])
    with pytest.raises(ValueError, match='(?s)both networks have.*- last'):
        choose_layers([PLAIN, PLAIN])
    with pytest.raises(ValueError, match='(?s)--layers ext.*: no .*- stem'):
        choose_layers([CUBE, PLAIN], ['first', 'ext*'])
    with pytest.raises(ValueError, match='(?s)no convolutions of.*- stem'):
        choose_layers([PLAIN, network(elsewhere=nn.Conv2d(8, 8, 3))])


def test_cells_without_a_router_are_runs_of_channels():
    runs = [0, 0, 0, 0, 1, 1, 1, 1]
    for conv in (CUBE['first'], PLAIN['first']):
        cells = number_cells(conv, 2)
        assert cells[CELL].tolist() == cells[CELL_BEFORE].tolist() == runs
        assert number_cells(conv, None) == number_cells(conv, 1) == {}


def test_router_decides_which_channels_share_a_cell():
    router = dict(method='random', seed=3)
    conv = CubeConv2d(8, 8, 3, router=router)
    order = conv.router.permutation().tolist()
    cells = number_cells(conv, 2)
    assert cells[CELL_BEFORE].tolist() == [0] * 4 + [1] * 4
    for cell in (0, 1):
        sharing = torch.where(cells[CELL] == cell)[0].tolist()
        assert sharing == sorted(order[4 * cell : 4 * cell + 4])


def test_names_lose_what_they_have_in_common():
    names = [f'head.levels.{i}.conv{j}.conv' for i in (0, 1) for j in (1, 2)]
    short = ['0.conv1', '0.conv2', '1.conv1', '1.conv2']
    assert list(shorten_names(names).values()) == short
    assert list(shorten_names(names)) == names
    assert shorten_names(names[:1]) == {names[0]: names[0]}
    nested = ['a.conv', 'a.b.conv', 'a']
    assert list(shorten_names(nested).values()) == nested
    assert list(shorten_names(nested[:2]).values()) == ['conv', 'b.conv']
