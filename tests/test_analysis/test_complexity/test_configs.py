import pytest

from mmseg_cube.analysis.complexity.configs import (
    ConfigCounter,
    count_all,
    distinct,
)
from mmseg_cube.utils.configs import read_config


@pytest.fixture()
def write(tiny_config, tmp_path):
    """Write a small config, in a folder of its own if asked for."""

    def write(name, more='', folder='.'):
        path = tmp_path / folder / f'{name}.py'
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"_base_ = r'{tiny_config}'\n{more}")
        return path

    return write


def head(options):
    return f'model = dict(decode_head=dict({options}))'


def test_networks_that_differ_in_weights_only_are_counted_once(write):
    weights = "dict(type='Pretrained', checkpoint='weights.pth')"
    one, other, narrow = (
        read_config(path)
        for path in (
            write('one', "work_dir = 'elsewhere'"),
            write('other', head(f'init_cfg={weights}')),
            write('narrow', head('widths=[4, 4, 4, 4]')),
        )
    )
    count = ConfigCounter()
    assert count(one, 64) is count(other, (64, 64))
    assert count(narrow, 64)[''].flops < count(one, 64)[''].flops
    assert count(one, 64)[''].flops < count(one, 96)[''].flops


def test_faults_name_the_config(write, tmp_path):
    unknown = write('unknown', head("type='Nonsense'"))
    with pytest.raises(ValueError, match='unknown.py: .*Nonsense'):
        count_all({unknown: None}, 64)
    missing = tmp_path / 'missing.py'
    with pytest.raises(ValueError, match='missing.py cannot be read'):
        # All are read before the first is counted.
        count_all({unknown: None, missing: None}, 64)


def test_compared_networks(write):
    x, cube, y = write('x', head('conv_cfg=None')), write('cube-x'), write('y')
    z = write('x', head('conv_cfg=None'), folder='other')
    networks = count_all({x: None, cube: x, y: x, z: None}, 64)
    # Stems that repeat are told apart by their folders.
    assert [n.name for n in networks] == [
        p.as_posix() for p in (x, cube, y, z)
    ]
    assert networks[1].baseline is networks[2].baseline is networks[0]
    assert count_all({y: None}, 64)[0].name == 'y'
    # Neither the baseline nor a pair of the same two networks again.
    assert distinct(networks) == [networks[1], networks[3]]
