"""Finding of tiles, images with their masks, among the files of a dataset.

The same search serves training, conversion and checking, and archives as well
as folders.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.folders import by_stem, match, natural_key
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.utils.words import name_some

SPLITS = ('train', 'val', 'test')
SPLIT_FOLDERS = {
    'train': ('train', 'training'),
    'val': ('val', 'validation', 'valid'),
    'test': ('test', 'testing'),
}
SHOWN = 8  # folders named in an error
ARCHIVES = ('.zip', '.7z', '.7z.001', '.rar')
EMPTY_HALF = '_no'  # WHU's satellite set II keeps tiles without roofs apart

Wants = Callable[[str, str], bool]  # by split and stem


def want_all(split: str, stem: str) -> bool:
    """Tell that every file belongs to its split."""
    return True


@dataclass(frozen=True)
class Layout:
    """Folder names of a dataset, in lower case.

    Args:
        splits: Folders of each split.
        images: Folders of the images, inside a split's folder.
        masks: Folders of the masks, inside a split's folder.
        roots: Names of the dataset's own folder.
    """

    splits: Mapping[str, Sequence[str]] = field(
        default_factory=SPLIT_FOLDERS.copy
    )
    images: Sequence[str] = ('image', 'images', 'img', 'imgs')
    masks: Sequence[str] = ('label', 'labels', 'mask', 'masks', 'gt')
    roots: Sequence[str] = ()


class Tile(NamedTuple):
    """An image and its mask.

    Attributes:
        split: ``train``, ``val`` or ``test``.
        name: Its name in the split.
        image: File, relative to the dataset.
        mask: File, likewise; None without labels.
    """

    split: str
    name: str
    image: PurePosixPath
    mask: PurePosixPath | None


def list_files(root: Path) -> list[PurePosixPath]:
    """List all files below a folder, relative to it."""
    found = []
    for folder, _, names in os.walk(root, followlinks=True):
        inside = Path(folder).relative_to(root).as_posix()
        found += [PurePosixPath(inside, name) for name in names]
    return sorted(found)


def find_tiles(
    place: Path,
    files: Sequence[PurePosixPath],
    layout: Layout,
    splits: Sequence[str] = SPLITS,
    wants: Wants = want_all,
    suffixes: tuple[Sequence[str], Sequence[str]] = (RASTER_SUFFIXES,) * 2,
) -> tuple[list[Tile], list[str]]:
    """Find the tiles in ``{split}/{images,masks}`` anywhere in a dataset.

    Args:
        place: Folder or archive of the dataset, for error texts.
        files: All files in it.
        layout: Names of the folders, compared in lower case.
        splits: Splits to look for.
        wants: Tells whether a file belongs to a split, by its stem.
        suffixes: Accepted suffixes of images and of masks, in lower case.

    Returns:
        Tiles, each split in natural order, and one line of text per fault.

    Raises:
        DatasetError: If there is nothing, or it is ambiguous.
    """
    roots = _group(files, layout)
    if not roots:
        raise _nothing(place, files, layout)
    folders = roots[_choose_root(place, roots, layout)]
    tiles, faults = [], []
    for split in splits:
        images, masks = defaultdict(list), defaultdict(list)
        for folder, kinds in folders.items():
            base = folder.removesuffix(EMPTY_HALF)
            if base not in layout.splits[split]:
                continue
            prefix = '' if base == folder else 'no_'
            sorts = zip((images, masks), kinds, suffixes, strict=True)
            for found, of_kind, accepted in sorts:
                keep = partial(wants, split)
                for stem, same in by_stem(of_kind, accepted, keep).items():
                    found[prefix + stem] += same
        if images and not masks and split != 'test':
            raise DatasetError(
                f'{place}: split {split!r} has images, but no masks.\nNext: '
                f'put them into {layout.splits[split][0]}/{layout.masks[0]}.'
            )
        pairs, wrong = match(images, masks or None)
        faults += wrong
        tiles += [
            Tile(split, name, *pairs[name])
            for name in sorted(pairs, key=natural_key)
        ]
    return tiles, faults


def _group(files: Sequence[PurePosixPath], layout: Layout) -> dict:
    """Collect files of images and of masks per dataset and split folder."""
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
    return {
        root: folders
        for root, folders in sorted(roots.items())
        if any(images for images, _ in folders.values())
    }


def _choose_root(
    place: Path, roots: Mapping[PurePosixPath, dict], layout: Layout
) -> PurePosixPath:
    known = list(roots)
    if PurePosixPath() in known:
        return PurePosixPath()
    named = [root for root in known if root.name.lower() in layout.roots]
    whole = [root for root in known if len(roots[root]) >= len(layout.splits)]
    for chosen in (named, known, whole):
        if len(chosen) == 1:
            return chosen[0]
    names = name_some([repr(root.as_posix()) for root in known], SHOWN)
    raise DatasetError(
        f'{place} holds several datasets: {names}.\nNext: give one of these '
        'folders, unpacked if need be.'
    )


def _nothing(
    place: Path, files: Sequence[PurePosixPath], layout: Layout
) -> DatasetError:
    packed = [f for f in files if f.name.lower().endswith(ARCHIVES)]
    if packed:
        advice = f'unpack {packed[0]} and give what comes out'
    else:
        splits, kinds = list(layout.splits), [layout.images, layout.masks]
        wanted = f'{{{",".join(splits)}}}/{{{",".join(k[0] for k in kinds)}}}'
        advice = f'give the folder (or the zip) that holds {wanted}'
    folders = sorted({file.parent.as_posix() for file in files})
    there = name_some(folders, SHOWN) or 'nothing'
    state = f'its folders are: {there}' if files else 'it is empty or missing'
    return DatasetError(
        f'no images of this dataset in {place}; {state}.\nNext: {advice}.'
    )
