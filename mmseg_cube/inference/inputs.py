"""What is to be predicted: from words on a command line to rasters."""

from collections.abc import Iterable, Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.headers import is_remote
from mmseg_cube.datasets.listing import Naming, by_tile, files_in, read_lines
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.utils.words import name_some

SUFFIXES = *RASTER_SUFFIXES, '.jp2', '.vrt'
MOSAIC = 'mosaic'  # the name of one
Inputs = dict[str, list[str | Path]]  # files of a raster, by its name


def find_inputs(
    words: Iterable[str], mosaic: bool = False, ending: str = ''
) -> Inputs:
    """Find the rasters that are meant, and name each.

    A word is a file, a folder of files, a pattern of names, a ``.txt`` file
    with one of these a line, or an address that GDAL reads. Names are those
    of files without suffix; of a mosaic, all rasters are one. With an ending
    such as ``_probability``, folders are searched for what ends in it, and
    names are without it.

    Raises:
        DatasetError: If there are none, or what is made of two has one name.
    """
    suffixes = (f'{ending}.tif',) if ending else SUFFIXES
    found = [x for word in words for x in _expand(str(word), suffixes)]
    if not found:
        raise DatasetError('no raster is named: give one, or a folder of them')
    if mosaic:
        return {MOSAIC: found}
    named = {}
    for path in found:
        name = Path(path).stem.removesuffix(ending)
        named.setdefault(name, []).append(path)
    if 'manifest' in named and not ending:
        raise DatasetError(
            f'{named["manifest"][0]} has a name that a folder of predictions '
            'needs for its own manifest.json. Rename it'
        )
    for name, same in named.items():
        preview = f'{name}_preview'
        others = [] if ending else named.get(preview, [])
        if len(same + others) > 1:
            raise DatasetError(
                f'{name_some(same + others)} would all get the same name, '
                f'{preview if others else name}. Leave one of them, or work '
                'on each for itself'
            )
    return named


def _expand(
    word: str, suffixes: Sequence[str], lists: Sequence[Path] = ()
) -> Iterator[str | Path]:
    path = Path(word)
    if is_remote(word):
        yield word
    elif path.is_dir():
        files = by_tile(files_in(path), Naming(suffixes))  # in natural order
        if not files:
            raise DatasetError(
                f'{path} has no images ({", ".join(suffixes)}); those in '
                'folders within it are not looked for'
            )
        yield from sum(files.values(), [])
    elif path.suffix.lower() == '.txt' and path.is_file():
        if (place := path.resolve()) in lists:  # as of 'ls > list.txt'
            raise DatasetError(f'{path} names itself. Take that line out')
        for line in read_lines(path):
            near = line if is_remote(line) else path.parent / line
            yield from _expand(str(near), suffixes, (*lists, place))
    elif has_magic(word) and not path.exists():
        files = [name for name in sorted(glob(word)) if Path(name).is_file()]  # noqa: PTH207, a whole path
        if not files:
            raise DatasetError(f'no file is named like {word}')
        yield from map(Path, files)
    else:
        yield path
