"""Finding of tiles, images with their masks, among the files of a source."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from ..errors import DatasetError
from ..folders import match, natural_key
from ..layout import Layout
from ..rasters import RASTER_SUFFIXES
from .source import Source

SHOWN = 8  # folders named in an error
ARCHIVES = ('.zip', '.7z', '.7z.001', '.rar')
EMPTY_HALF = '_no'  # WHU's satellite set II keeps tiles without roofs apart


class Tile(NamedTuple):
    """An image and its mask.

    Attributes:
        part: ``train``, ``val`` or ``test``.
        name: Its name in the part.
        image: File in the source.
        mask: File in the source; None without labels.
    """

    part: str
    name: str
    image: PurePosixPath
    mask: PurePosixPath | None


def find_tiles(
    source: Source,
    layout: Layout,
    rule: Callable[[str, str], str] | None = None,
) -> tuple[list[Tile], list[str]]:
    """Find the tiles in ``{split}/{images,masks}`` anywhere in a source.

    Args:
        source: Folder or archive.
        layout: Names of the folders, compared in lower case.
        rule: Gives the part of a tile by the part of its folder and its
            stem; the folder's part by default.

    Returns:
        Tiles in natural order, and one line of text per fault.

    Raises:
        DatasetError: If there is nothing, or it is ambiguous.
    """
    files = source.files()
    folders = _group(files, layout)
    if not folders:
        raise _nothing(source, layout, files)
    roots = sorted({root.as_posix() for root, _ in folders})
    if len(roots) > 1:
        raise DatasetError(
            f'{source.path} holds several datasets: '
            f'{", ".join(map(repr, roots[:SHOWN]))}.\nNext: give one of '
            'these folders, unpacked if need be.'
        )
    tiles, faults = [], []
    for (_, split), (images, masks) in folders.items():
        part, prefix = _part(split, layout)
        unlabelled = not masks and part == 'test'
        if images and not masks and not unlabelled:
            raise DatasetError(
                f'{source.path}: split {split!r} has images, but no masks.\n'
                f'Next: put them into {split}/{layout.masks[0]}.'
            )
        pairs, wrong = match(images, None if unlabelled else masks)
        faults += wrong
        for stem, (image, mask) in pairs.items():
            chosen = rule(part, stem) if rule else part
            tiles.append(Tile(chosen, prefix + stem, image, mask))
    taken = Counter((tile.part, tile.name) for tile in tiles)
    twice = [f'{part}/{name}' for (part, name), n in taken.items() if n > 1]
    if twice:
        raise DatasetError(
            f'{source.path}: {len(twice)} tiles are there twice, in folders '
            f'of one split, such as {twice[0]}.\nNext: keep one of them.'
        )
    order = ('train', 'val', 'test')
    tiles.sort(key=lambda t: (order.index(t.part), natural_key(t.name)))
    return tiles, faults


def _group(files: Sequence[PurePosixPath], layout: Layout) -> dict:
    """Collect images and masks by stem, per dataset and split folder."""
    folders = defaultdict(lambda: (defaultdict(list), defaultdict(list)))
    for file in files:
        hidden = any(part.startswith(('.', '__MACOSX')) for part in file.parts)
        if len(file.parts) < 3 or hidden:
            continue
        if file.suffix.lower() not in RASTER_SUFFIXES:
            continue
        split, kind = (part.lower() for part in file.parts[-3:-1])
        if _part(split, layout) is None:
            continue
        for index, names in enumerate((layout.images, layout.masks)):
            if kind in names:
                key = file.parents[2], split
                folders[key][index][file.stem].append(file)
    return dict(sorted(folders.items()))


def _part(split: str, layout: Layout) -> tuple[str, str] | None:
    """Part of a split's folder, and what its tiles are prefixed with."""
    base = split.removesuffix(EMPTY_HALF)
    prefix = 'no_' if base != split else ''
    parts = [part for part, names in layout.splits.items() if base in names]
    return (parts[0], prefix) if parts else None


def _nothing(
    source: Source, layout: Layout, files: Sequence[PurePosixPath]
) -> DatasetError:
    packed = [f for f in files if f.name.lower().endswith(ARCHIVES)]
    if packed:
        advice = f'unpack {packed[0]} and give what comes out'
    else:
        splits, kinds = list(layout.splits), [layout.images, layout.masks]
        wanted = f'{{{",".join(splits)}}}/{{{",".join(k[0] for k in kinds)}}}'
        advice = f'give the folder or zip that holds {wanted}'
    folders = sorted({file.parent.as_posix() for file in files})
    there = ', '.join(folders[:SHOWN]) or 'nothing'
    more = f' and {len(folders) - SHOWN} more' if folders[SHOWN:] else ''
    return DatasetError(
        f'no images of this dataset in {source.path}; its folders are: '
        f'{there}{more}.\nNext: {advice}.'
    )
