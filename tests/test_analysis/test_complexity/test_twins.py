from pathlib import Path

import pytest

from mmseg_cube.analysis.complexity.twins import (
    Comparison,
    compare_with,
    find_configs,
    pair_twins,
)


@pytest.fixture()
def folder(tmp_path):
    """Two pairs, a baseline alone, and what is no config of a network."""
    for name in (
        'b/cube-x.py', 'b/x.py', 'b/README.md', 'a/cube-y.py', 'a/y.py',
        'a/lonely.py', 'a/cube-full-y.py', '_base_/models/x.py',
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_folder_means_all_configs_in_it(folder):
    found = find_configs([folder])
    assert [p.relative_to(folder).as_posix() for p in found] == [
        'a/cube-full-y.py', 'a/cube-y.py', 'a/lonely.py', 'a/y.py',
        'b/cube-x.py', 'b/x.py',
    ]  # fmt: skip


def test_config_named_twice_counts_once(folder):
    x = folder / 'b' / 'x.py'
    again = folder / 'a' / '..' / 'b' / 'x.py'
    assert find_configs([x, folder / 'b', str(again)]) == [
        x,
        folder / 'b' / 'cube-x.py',
    ]


def test_missing_and_empty_are_said(folder):
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match='empty has no configs'):
        find_configs([folder / 'empty'])
    with pytest.raises(ValueError, match='no config .*nowhere.py'):
        find_configs([folder / 'nowhere.py'])


def test_twins_follow_their_baselines(folder):
    a, b = folder / 'a', folder / 'b'
    assert pair_twins(find_configs([b, a])) == [
        Comparison(b / 'x.py'),
        Comparison(b / 'cube-x.py', b / 'x.py'),
        Comparison(a / 'y.py'),
        Comparison(a / 'cube-full-y.py', a / 'y.py'),
        Comparison(a / 'cube-y.py', a / 'y.py'),
        Comparison(a / 'lonely.py'),
    ]


def test_baseline_of_a_cube_config_is_added(folder, monkeypatch):
    monkeypatch.chdir(folder / 'b')
    x, cube = Path('x.py'), Path('cube-x.py')
    pair = [Comparison(x), Comparison(cube, x)]
    assert pair_twins([cube]) == pair
    # Told apart by the file, not by how its path is written.
    absolute = x.resolve()
    assert pair_twins([absolute, cube]) == [
        Comparison(absolute),
        Comparison(cube, absolute),
    ]


def test_cube_config_without_baseline_is_said(folder):
    (folder / 'b' / 'x.py').unlink()
    with pytest.raises(ValueError, match='no x.py beside it.*--against'):
        pair_twins(find_configs([folder]))


def test_compare_all_with_one(folder):
    x, y = folder / 'b' / 'x.py', folder / 'a' / 'y.py'
    assert compare_with(x, [y, x]) == [Comparison(x), Comparison(y, x)]
    with pytest.raises(ValueError, match='nothing to compare'):
        compare_with(x, [x])
