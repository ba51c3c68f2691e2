"""Any names of files, in any folders, listed by anyone."""

import tempfile
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mmseg_cube.datasets.listing import ANY, Naming, by_tile, list_files
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.datasets.splits import divide, read_names
from mmseg_cube.datasets.tiles import SPLITS

# No two lines, no folders, not hidden; spaces inside only, as lists are
# written by hand.
STEMS = st.text(
    st.characters(
        exclude_categories=['C', 'Zl', 'Zp'], exclude_characters='/\\'
    ),
    min_size=1,
    max_size=20,
).filter(
    lambda stem: (
        stem == stem.strip()
        and not stem.startswith('.')
        and not stem.lower().endswith(RASTER_SUFFIXES)
    )
)
SUFFIXES = st.sampled_from([*RASTER_SUFFIXES, '.TIF', '.Jpeg'])
FOLDERS = st.sampled_from(['', 'a', 'a/b.c', 'ä ö', 'a/.hidden'])


def one_form(stem):
    """The form that is the same from macOS and from others."""
    return unicodedata.normalize('NFC', stem)


@given(
    st.lists(
        st.tuples(
            STEMS,
            st.sampled_from(['', 'C:\\data\\', '/data/', './', '  ']),
            SUFFIXES | st.just(''),
            st.sampled_from(['\n', '\r\n', '\r', ' \n', '\n\n']),
        )
    ),
    st.sampled_from(['utf-8', 'utf-8-sig', 'utf-16']),
    st.sampled_from(['{}', '{}_rgb', 'img {}']),
)
def test_lists_of_names_in_any_hand(tmp_path, lines, encoding, pattern):
    """By the tile's name, or by that of its image, with a folder or not."""
    file, text, expected = tmp_path / 'list.txt', '', set()
    for number, (stem, folder, suffix, end) in enumerate(lines):
        name = pattern.replace('{}', stem) if number % 2 else stem
        text += folder + name + suffix + end
        inner = Naming(pattern=pattern).tile(f'{stem}.tif')
        expected.add(one_form((inner if not number % 2 else '') or stem))
    file.write_bytes(text.encode(encoding))
    assert read_names(file, Naming(pattern=pattern)) == expected


@given(st.lists(st.tuples(FOLDERS, STEMS, SUFFIXES | st.just('.txt'))))
def test_trees_of_files(files):
    with tempfile.TemporaryDirectory() as folder:
        paths = {Path(place, stem + end) for place, stem, end in files}
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
        found = list_files(Path(folder))
    assert {*map(Path, found)} == paths and found == sorted(found)
    tiles = by_tile(found, ANY)
    rasters = [path for path in found if path.suffix != '.txt']
    assert sorted(sum(tiles.values(), [])) == rasters
    for tile, group in tiles.items():
        assert {one_form(path.stem) for path in group} == {tile}


@given(
    st.sets(STEMS),
    st.dictionaries(st.sampled_from(SPLITS), st.floats(0.01, 0.33)),
    st.integers(0, 2**32),
)
def test_shares_of_any_names(names, fractions, seed):
    home = divide(names, fractions, seed)
    assert {*home} <= names and {*home.values()} <= {*fractions}
    assert divide(sorted(names)[::-1], fractions, seed) == home
    few = min(len(names), len(fractions))
    assert len({*home.values()}) >= few
    for split, share in fractions.items():
        count = list(home.values()).count(split)
        assert abs(count - share * len(names)) <= len(fractions)
