from textwrap import dedent

import pytest

from mmseg_cube.analysis.complexity.configs import (
    ConfigCounter,
    count_all,
    distinct,
    read_config,
)
from mmseg_cube.analysis.complexity.twins import Comparison

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
    with pytest.raises(ValueError, match='plain.py has no model'):
        plain = tmp_path / 'plain.py'
        plain.write_text('a = 1')
        read_config(plain)
    with pytest.raises(ValueError, match='broken.py cannot be read'):
        read_config(write('broken', more='nonsense ='))
    unknown = write('unknown', more="model['backbone']['type'] = 'Nonsense'")
    with pytest.raises(ValueError, match='unknown.py: .*Nonsense'):
        count_all([Comparison(unknown)], 64)
    small = write('small')
    with pytest.raises(ValueError, match='small.py: no image of 72 x 72'):
        count_all([Comparison(small)], 72)


def test_all_faults_of_reading_come_before_counting(write, tmp_path):
    missing = tmp_path / 'missing.py'
    with pytest.raises(ValueError, match='missing.py cannot be read'):
        # Counting would find that 72 is no size for the first.
        count_all([Comparison(write('small')), Comparison(missing)], 72)


def test_compared_networks(write):
    wide, x = write('wide', width=8), write('x')
    cube, same = write('cube-wide'), write('same', more="data = 'other'")
    full = write('cube-full-wide', width=6)
    networks = count_all(
        [
            Comparison(wide),
            Comparison(cube, wide),
            Comparison(x, wide),
            Comparison(same),
            Comparison(full, wide),
        ],
        64,
    )
    names = [n.name for n in networks]
    assert names == ['wide', 'cube-wide', 'x', 'same', 'cube-full-wide']
    assert [n.is_twin for n in networks] == [False, True, False, False, True]
    baseline = networks[0]
    assert networks[1].baseline is networks[2].baseline is baseline
    # Neither the baseline nor a pair of the same two networks again.
    kept = distinct(networks)
    assert [n.name for n in kept] == ['cube-wide', 'same', 'cube-full-wide']


def test_stems_that_repeat_are_told_apart_by_folder(write):
    paths = [write('x'), write('x', folder='other'), write('y')]
    networks = count_all([Comparison(path) for path in paths], 64)
    assert [n.name for n in networks] == [p.as_posix() for p in paths]
