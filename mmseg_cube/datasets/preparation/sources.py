"""What there is to prepare: images, and what says where buildings are."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.headers import BY_SUFFIX
from mmseg_cube.datasets.listing import by_tile, files_in
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.datasets.tiles import (
    PREFIX,
    USUAL,
    Tile,
    find_tiles,
    match_folders,
)
from mmseg_cube.utils.words import listing, not_found

UNSPLIT = 'all'  # until a split is chosen


def find_images(sources: Sequence[Path]) -> list[Tile]:
    """Find images with their masks, or with the vector file of all.

    One source is a folder of ``{split}/{image,label}``. Of several the last
    holds buildings: two folders, or two files, are images and masks; a vector
    file goes with any number of images and folders of them. Returned are
    tiles with the paths of both, whose split is ``UNSPLIT`` if they have none.

    Raises:
        DatasetError: If something is missing or without its partner.
    """
    for path in sources:
        if not path.exists():
            raise DatasetError(not_found('source', path, 'correct the path'))
    *others, last = sources
    folders = [path.is_dir() for path in others]
    tiles, faults = [], []
    if last.is_dir() and not others:
        tiles, faults = find_tiles(last)
        tiles = [tile.at(last) for tile in tiles]
        faults += _empty_splits(tiles)
    elif last.is_dir() and folders == [True]:
        prefix = dict(zip(PREFIX, sources, strict=True))
        tiles, faults = match_folders(prefix, [UNSPLIT])
    elif is_vector(last):
        for path, folder in zip(others, folders, strict=True):
            found = by_tile(files_in(path)).values() if folder else [[path]]
            tiles += [Tile(UNSPLIT, x.stem, x, last) for x in sum(found, [])]
    elif folders == [False]:
        tiles = [Tile(UNSPLIT, others[0].stem, *sources)]
    names = ', '.join(map(str, sources))
    if faults:
        raise DatasetError(
            f'{len(faults)} fault(s) in {names}:\n{listing(faults)}\nNext: '
            'give every image one mask of the same name, or take it away.'
        )
    if not tiles:
        raise DatasetError(
            f'no images with masks or footprints in {names}.\nNext: give one '
            'folder of {train,val,test}/{image,label}; two folders, or two '
            'files, of images and masks; or images and then a vector file.'
        )
    return tiles


def is_vector(path: Path) -> bool:
    """Tell whether a file is no raster, by its name."""
    known = (*RASTER_SUFFIXES, *BY_SUFFIX)
    return path.is_file() and path.suffix.lower() not in known


def _empty_splits(tiles: Sequence[Tile]) -> list[str]:
    """Name the folders of splits, beside others, that have no tile."""
    full = {tile.image.parents[1] for tile in tiles}
    named = {name for names in USUAL.splits.values() for name in names}
    beside = {path for folder in full for path in folder.parent.iterdir()}
    return [
        f'{path}: split without images'
        for path in sorted(beside - full)
        if path.name.lower() in named
    ]
