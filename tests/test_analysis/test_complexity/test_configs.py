"""Which configs are counted, what they are compared with, and how often."""

import pytest

from mmseg_cube.analysis.complexity.configs import (
    compare,
    count_all,
    distinct,
    find_configs,
)
from mmseg_cube.analysis.complexity.count import count_network as count
from mmseg_cube.utils.configs import read_config


@pytest.fixture()
def folder(tmp_path, monkeypatch):
    """Two pairs, a baseline alone, and what is no config of a network."""
    for name in (
        'b/cube-x.py', 'b/x.py', 'b/README.md', 'a/cube-y.py', 'a/y.py',
        'a/lonely.py', 'a/cube-full-y.py', '_base_/models/x.py',
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text(paths):
    return ' '.join(path.as_posix() for path in paths)


def test_folder_means_all_configs_in_it(folder):
    assert text(find_configs(['.'])) == (
        'a/lonely.py a/y.py a/cube-y.py a/cube-full-y.py b/x.py b/cube-x.py'
    )
    found = find_configs(['b/x.py', 'b', 'a/../b/x.py'])
    assert text(found) == 'b/x.py b/cube-x.py'
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match='empty has no configs'):
        find_configs(['empty'])
    with pytest.raises(ValueError, match='_base_ holds the parts'):
        find_configs(['_base_'])


def test_twins_follow_their_baselines(folder):
    found = compare(find_configs(['b', 'a']))
    assert text(found) == (
        'b/x.py b/cube-x.py a/lonely.py a/y.py a/cube-y.py a/cube-full-y.py'
    )
    x, cube_x, _, y, *twins_of_y = found
    baselines = {cube_x: x} | dict.fromkeys(twins_of_y, y)
    assert found == dict.fromkeys(found) | baselines
    # A baseline that was not named is added.
    found = compare(find_configs(['b/cube-x.py']))
    assert text(found) == 'b/x.py b/cube-x.py'
    (folder / 'b' / 'x.py').unlink()
    with pytest.raises(ValueError, match='no x.py beside it.*--against'):
        compare(find_configs(['.']))


@pytest.fixture()
def write(tiny_config, tmp_path):
    """Write a config whose head has options, in a folder if asked for."""

    def write(name, options='', folder='.'):
        path = tmp_path / folder / f'{name}.py'
        path.parent.mkdir(exist_ok=True)
        head = f'model = dict(decode_head=dict({options}))'
        path.write_text(f"_base_ = r'{tiny_config}'\n{head}")
        return path

    return write


def test_networks_that_differ_in_weights_only_are_counted_once(write):
    weights = "init_cfg=dict(type='Pretrained', checkpoint='weights.pth')"
    one = read_config(write('one'))
    other = read_config(write('other', weights))
    narrow = read_config(write('narrow', 'widths=[4, 4, 4, 4]'))
    assert count(one, 64) is count(other, (64, 64))
    assert count(narrow, 64).flops < count(one, 64).flops
    assert count(one, 64).flops < count(one, 96).flops


def test_compared_networks(write):
    x, cube, y = write('x', 'conv_cfg=None'), write('cube-x'), write('y')
    z = write('x', 'conv_cfg=None', folder='other')
    networks = count_all({x: None, cube: x, y: x, z: None}, 64)
    # Stems that repeat are told apart by their folders.
    assert ' '.join(n.name for n in networks) == text([x, cube, y, z])
    assert networks[1].baseline is networks[2].baseline is networks[0]
    assert count_all({y: None}, 64)[0].name == 'y'
    # No pair of the same two networks again.
    assert distinct(networks) == networks[:2]
