from textwrap import dedent

import pytest

from mmseg_cube.analysis.complexity.configs import (
    ConfigCounter,
    count_all,
    distinct,
)
from mmseg_cube.utils.configs import read_config

MODEL = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(type='UNet', base_channels={width}),
    decode_head=dict(
        type='FCNHead',
        num_classes=2,
        out_channels=2,
        in_channels={width},
        channels=4,
        in_index=4,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    test_cfg=dict(mode='whole'),
)
"""


@pytest.fixture()
def write(tmp_path):
    """Write a small config, in a folder of its own if asked for."""

    def write(name, width=4, more='', folder='.'):
        path = tmp_path / folder / f'{name}.py'
        path.parent.mkdir(exist_ok=True)
        path.write_text(MODEL.format(width=width) + dedent(more))
        return path

    return write


def test_networks_that_differ_in_weights_only_are_counted_once(write):
    weights = "model['backbone']['pretrained'] = 'weights.pth'"
    one, other, wide = (
        read_config(path)
        for path in (
            write('one', more="data_root = 'data/WHU'"),
            write('other', more=weights),
            write('wide', width=8),
        )
    )
    count = ConfigCounter()
    assert count(one, 64) is count(other, 64)
    assert count(one, 64)[''].flops < count(wide, 64)[''].flops
    assert count(one, (64, 64)) is count(one, 64)
    assert count(one, 64)[''].flops < count(one, 80)[''].flops


def test_faults_name_the_config(write, tmp_path):
    unknown = write('unknown', more="model['backbone']['type'] = 'Nonsense'")
    with pytest.raises(ValueError, match='unknown.py: .*Nonsense'):
        count_all({unknown: None}, 64)
    small, missing = write('small'), tmp_path / 'missing.py'
    with pytest.raises(ValueError, match='small.py: no image of 72 x 72'):
        count_all({small: None}, 72)
    # All are read before the first is counted.
    with pytest.raises(ValueError, match='missing.py cannot be read'):
        count_all({small: None, missing: None}, 72)


def test_compared_networks(write):
    wide, cube, x = write('wide', width=8), write('cube-wide'), write('x')
    same = write('same', more="data = 'other'")
    networks = count_all({wide: None, cube: wide, x: wide, same: None}, 64)
    assert [n.name for n in networks] == ['wide', 'cube-wide', 'x', 'same']
    assert networks[1].baseline is networks[2].baseline is networks[0]
    # Neither the baseline nor a pair of the same two networks again.
    assert [n.name for n in distinct(networks)] == ['cube-wide', 'same']


def test_stems_that_repeat_are_told_apart_by_folder(write):
    paths = [write('x'), write('x', folder='other'), write('y')]
    networks = count_all(dict.fromkeys(paths), 64)
    assert [n.name for n in networks] == [p.as_posix() for p in paths]
