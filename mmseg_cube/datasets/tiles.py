"""Finding of tiles, images with their masks, among the files of a dataset.

The same search serves training, conversion and checking, and archives as well
as folders.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.utils.words import name_some

SPLITS = ('train', 'val', 'test')
SHOWN = 8  # folders named in an error
ARCHIVES = ('.zip', '.7z', '.7z.001', '.rar')
EMPTY_HALF = '_no'  # WHU's satellite set II keeps tiles without roofs apart

Files = Mapping[str, Sequence[PurePath]]  # by name without suffix
Wants = Callable[[str, str], bool]  # by split and stem
Suffixes = Sequence[Sequence[str]]  # of images and of masks, in lower case


class Layout(NamedTuple):
    """Folder names of a dataset, in lower case."""

    splits: Mapping[str, Sequence[str]] = dict(
        train=('train', 'training'),
        val=('val', 'validation', 'valid'),
        test=('test', 'testing'),
    )
    # Of images and of masks, inside a split's folder.
    images: Sequence[str] = ('image', 'images', 'img', 'imgs')
    masks: Sequence[str] = ('label', 'labels', 'mask', 'masks', 'gt')
    roots: Sequence[str] = ()  # the dataset's own folder


class Tile(NamedTuple):
    """An image and its mask, by name in its split.

    Files are relative to the dataset; the mask is None without labels.
    """

    split: str
    name: str
    image: PurePath
    mask: PurePath | None


def list_files(root: Path) -> list[PurePosixPath]:
    """List all files below a folder, relative to it."""
    found = []
    for folder, _, names in os.walk(root, followlinks=True):
        inside = Path(folder).relative_to(root).as_posix()
        found += [PurePosixPath(inside, name) for name in names]
    return sorted(found)


def list_rasters(folder: Path) -> Files:
    """List a folder's raster files by stem, in natural order."""
    return _by_stem(sorted(folder.iterdir()), RASTER_SUFFIXES)


def find_tiles(
    place: Path,
    files: Sequence[PurePosixPath],
    layout: Layout,
    splits: Sequence[str] = SPLITS,
    wants: Wants = lambda split, stem: True,
    suffixes: Suffixes = (RASTER_SUFFIXES,) * 2,
) -> tuple[list[Tile], list[str]]:
    """Find the tiles in ``{split}/{images,masks}`` anywhere in a dataset.

    ``place`` is the folder or archive that holds the files, for error texts;
    ``wants`` tells whether a file belongs to a split. Returned are tiles,
    each split in natural order, and one line of text per fault.
    """
    found = _choose_root(place, files, layout)
    folders, needed = {}, {}
    for split in splits:
        names = layout.splits[split]
        folders[split] = [
            ('no_' if name.endswith(EMPTY_HALF) else '', kinds)
            for name, kinds in found.items()
            if name.removesuffix(EMPTY_HALF) in names
        ]
        if split != 'test':
            needed[split] = f'{names[0]}/{layout.masks[0]}'
    return _match(place, folders, needed, wants, suffixes)


def match_folders(
    prefix: Mapping[str, str],
    splits: Sequence[str],
    wants: Wants,
    suffixes: Suffixes,
) -> tuple[list[Tile], list[str]]:
    """Find the tiles in the folders of ``data_prefix``, like find_tiles."""
    kinds, masks = [], prefix.get('seg_map_path')
    for key in ('img_path', 'seg_map_path'):
        folder = Path(prefix.get(key) or '')
        if not folder.is_dir():
            raise DatasetError(
                f'there is no folder {folder.absolute()}.\nNext: correct '
                f'{key} of data_prefix, which is relative to data_root.'
            )
        kinds.append(sorted(folder.iterdir()) if prefix.get(key) else [])
    folders = dict.fromkeys(splits, [('', kinds)])
    needed = dict.fromkeys(splits, masks) if masks else {}
    return _match(prefix['img_path'], folders, needed, wants, suffixes)


def _natural_key(stem: str) -> list[tuple[int, int | str]]:
    """Sort key that puts ``tile2`` before ``tile10`` and 9 before 10."""
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in re.split(r'(\d+)', stem)
        if part
    ]


def _by_stem(files: Iterable[PurePath], suffixes: Sequence[str]) -> Files:
    """Sort raster files that are not hidden by their names without suffix."""
    found = defaultdict(list)
    for path in files:
        name = path.name
        suffix = next((s for s in suffixes if name.lower().endswith(s)), None)
        if suffix is not None and not name.startswith('.'):
            found[name[: len(name) - len(suffix)]].append(path)
    return {stem: found[stem] for stem in sorted(found, key=_natural_key)}


def _match(
    place: str | Path,
    folders: Mapping[str, Sequence],
    needed: Mapping[str, str],
    wants: Wants,
    suffixes: Suffixes,
) -> tuple[list[Tile], list[str]]:
    """Match the images and masks of splits by name.

    ``folders`` has, by split, pairs of a prefix of names, and the files of
    images and of masks that get it; ``needed`` says where masks belong, for
    splits that may not lack them all.
    """
    tiles, faults = [], []
    for split, parts in folders.items():
        images, masks = defaultdict(list), defaultdict(list)
        for prefix, kinds in parts:
            sorts = zip((images, masks), kinds, suffixes, strict=True)
            for found, files, accepted in sorts:
                for stem, same in _by_stem(files, accepted).items():
                    if wants(split, stem):
                        found[prefix + stem] += same
        if images and not masks and split in needed:
            raise DatasetError(
                f'{place}: split {split!r} has images, but no masks.\nNext: '
                f'put them into {needed[split]}.'
            )
        for what, files in (('images', images), ('masks', masks)):
            faults += [
                f'{same[0].parent}: {len(same)} {what} with one stem '
                f'({", ".join(path.name for path in same)})'
                for same in files.values()
                if len(same) > 1
            ]
        for name in sorted(images, key=_natural_key):
            image, mask = images[name][0], masks.get(name, [None])[0]
            if mask is None and masks:
                faults.append(f'{image}: image without a mask')
            else:
                tiles.append(Tile(split, name, image, mask))
        faults += [
            f'{same[0]}: mask without an image'
            for name, same in masks.items()
            if name not in images
        ]
    return tiles, list(dict.fromkeys(faults))  # of halves with the same files


def _choose_root(
    place: Path, files: Sequence[PurePosixPath], layout: Layout
) -> Mapping[str, Sequence[list[PurePosixPath]]]:
    """Return files of images and of masks by split folder of the dataset."""
    known = {name for names in layout.splits.values() for name in names}
    roots = defaultdict(lambda: defaultdict(lambda: ([], [])))
    for file in files:
        hidden = any(part.startswith(('.', '__MACOSX')) for part in file.parts)
        if len(file.parts) < 3 or hidden:
            continue
        split, kind = (part.lower() for part in file.parts[-3:-1])
        if split.removesuffix(EMPTY_HALF) in known:
            for index, names in enumerate((layout.images, layout.masks)):
                if kind in names:
                    roots[file.parents[2]][split][index].append(file)
    roots = {
        root: folders
        for root, folders in sorted(roots.items())
        if any(images for images, _ in folders.values())
    }
    if not roots:
        raise _nothing(place, files, layout)
    here = [root for root in roots if root == PurePosixPath()]
    named = [root for root in roots if root.name.lower() in layout.roots]
    whole = [root for root in roots if len(roots[root]) >= len(layout.splits)]
    for chosen in (here, named, list(roots), whole):
        if len(chosen) == 1:
            return roots[chosen[0]]
    names = name_some([repr(root.as_posix()) for root in roots], SHOWN)
    raise DatasetError(
        f'{place} holds several datasets: {names}.\nNext: give one of these '
        'folders, unpacked if need be.'
    )


def _nothing(
    place: Path, files: Sequence[PurePosixPath], layout: Layout
) -> DatasetError:
    inside = f'{{{layout.images[0]},{layout.masks[0]}}}'
    wanted = f'{{{",".join(layout.splits)}}}/{inside}'
    advice = f'give the folder (or the zip) that holds {wanted}'
    packed = [f for f in files if f.name.lower().endswith(ARCHIVES)]
    if packed:
        advice = f'unpack {packed[0]} and give what comes out'
    folders = sorted({file.parent.as_posix() for file in files})
    state = f'its folders are: {name_some(folders, SHOWN)}'
    return DatasetError(
        f'no images of this dataset in {place}; '
        f'{state if files else "it is empty or missing"}.\nNext: {advice}.'
    )
