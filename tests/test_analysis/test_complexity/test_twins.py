import pytest

from mmseg_cube.analysis.complexity.twins import compare, find_configs


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
    return [p.as_posix() for p in paths]


def test_folder_means_all_configs_in_it(folder):
    assert text(find_configs(['.'])) == [
        'a/lonely.py', 'a/y.py', 'a/cube-y.py', 'a/cube-full-y.py',
        'b/x.py', 'b/cube-x.py',
    ]  # fmt: skip
    again = 'a/../b/x.py'
    assert text(find_configs(['b/x.py', 'b', again])) == [
        'b/x.py', 'b/cube-x.py',
    ]  # fmt: skip


def test_missing_and_empty_are_said(folder):
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match='empty has no configs'):
        find_configs(['empty'])
    with pytest.raises(ValueError, match='no config nowhere.py'):
        find_configs(['nowhere.py'])


def test_twins_follow_their_baselines(folder):
    found = compare(find_configs(['b', 'a']))
    assert [(c.as_posix(), b and b.as_posix()) for c, b in found.items()] == [
        ('b/x.py', None),
        ('b/cube-x.py', 'b/x.py'),
        ('a/lonely.py', None),
        ('a/y.py', None),
        ('a/cube-y.py', 'a/y.py'),
        ('a/cube-full-y.py', 'a/y.py'),
    ]


def test_baseline_of_a_cube_config_is_added(folder):
    assert text(compare(find_configs(['b/cube-x.py']))) == [
        'b/x.py', 'b/cube-x.py',
    ]  # fmt: skip
    (folder / 'b' / 'x.py').unlink()
    with pytest.raises(ValueError, match='no x.py beside it.*--against'):
        compare(find_configs(['.']))


def test_compare_all_with_one(folder):
    x, y, cube = find_configs(['b/x.py', 'a/y.py', 'b/cube-x.py'])
    found = compare([y, x, cube], against=x)
    assert list(found.items()) == [(x, None), (y, x), (cube, x)]
    for others in ([x], []):
        with pytest.raises(ValueError, match='nothing to compare'):
            compare(others, against=x)
