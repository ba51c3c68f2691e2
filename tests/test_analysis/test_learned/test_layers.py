import pytest
from mmcv.cnn import ConvModule
from torch import nn

from mmseg_cube.analysis.learned.layers import cube_layers, shorten
from mmseg_cube.layers import CubeConv2d


@pytest.fixture
def model():
    cube = dict(type='CubeConv2d')
    return nn.ModuleDict(
        dict(
            head=nn.ModuleList(
                ConvModule(4, 4, 3, padding=1, conv_cfg=cube) for _ in range(3)
            ),
            neck=nn.Sequential(nn.Conv2d(4, 4, 3), CubeConv2d(4, 4, 3)),
        )
    )


def test_names_are_those_of_the_modules_that_people_know(model):
    layers = cube_layers(model)
    assert list(layers) == ['head.0', 'head.1', 'head.2', 'neck.1']
    assert layers['head.1'] is model['head'][1].conv
    assert list(cube_layers(model, ['*.1'])) == ['head.1', 'neck.1']
    assert list(cube_layers(model, ['neck*', 'head.0'])) == [
        'head.0',
        'neck.1',
    ]


def test_what_is_not_there_is_said(model):
    with pytest.raises(ValueError, match="'tail.*' of --layers matches no"):
        cube_layers(model, ['head.*', 'tail.*'])
    with pytest.raises(ValueError, match='there are 4: head.0, head.1'):
        cube_layers(model, ['head'])
    with pytest.raises(ValueError, match='no Cube layer'):
        cube_layers(model['neck'][0])


def test_long_lists_are_cut():
    assert shorten('abc') == 'a, b, c'
    assert shorten(map(str, range(10))) == '0, 1, 2, 3, 4, 5, 6, 7 and 2 more'
