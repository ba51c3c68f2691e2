"""What there is to prepare: images, and what says where buildings are."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.listing import list_files
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.datasets.tiles import Tile, find_tiles, match_folders
from mmseg_cube.utils.words import listing, not_found

UNSPLIT = 'all'  # until a split is chosen
FOLDERS = 'img_path', 'seg_map_path'


def find_images(sources: Sequence[Path]) -> list[Tile]:
    """Find images with their masks.

    One source is a folder of ``{split}/{image,label}``; two are images and
    masks, as folders or as files. Returned are tiles with the paths of both,
    whose split is ``UNSPLIT`` if they have none.

    Raises:
        DatasetError: If something is missing or without its partner.
    """
    for path in sources:
        if not path.exists():
            raise DatasetError(not_found('source', path, 'correct the path'))
    folders = [path.is_dir() for path in sources]
    tiles, faults, root = [], [], Path()
    if folders == [True]:
        (root,) = sources
        tiles, faults = find_tiles(root, list_files(root))
    elif folders == [True, True]:
        prefix = dict(zip(FOLDERS, sources, strict=True))
        suffixes = (RASTER_SUFFIXES,) * 2
        tiles, faults = match_folders(
            prefix, [UNSPLIT], lambda split, stem: True, suffixes
        )
    elif folders == [False, False]:
        tiles = [Tile(UNSPLIT, sources[0].stem, *sources)]
    if faults:
        raise DatasetError(
            f'{len(faults)} fault(s):\n{listing(faults)}\nNext: give every '
            'image one mask of the same name, or take it away.'
        )
    if not tiles:
        raise DatasetError(
            f'no images with masks in {", ".join(map(str, sources))}.\nNext: '
            'give a folder of {train,val,test}/{image,label}, or images and '
            'masks, as two folders or two files.'
        )
    return [
        Tile(split, name, root / image, mask and root / mask)
        for split, name, image, mask in tiles
    ]
