"""Raster files by name: their order, and which belong together."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePath

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES

Files = Mapping[str, Sequence[PurePath]]  # by name without suffix
Pair = tuple[PurePath, PurePath | None]


def natural_key(stem: str) -> list[tuple[int, int | str]]:
    """Sort key that puts ``tile2`` before ``tile10`` and 9 before 10."""
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in re.split(r'(\d+)', stem)
        if part
    ]


def list_rasters(
    folder: Path, suffixes: Sequence[str] = RASTER_SUFFIXES
) -> dict[str, list[Path]]:
    """List a folder's raster files by stem, without sub-folders."""
    return by_stem(sorted(folder.iterdir()), suffixes)


def by_stem(
    files: Iterable[PurePath],
    suffixes: Sequence[str],
    keep: Callable[[str], bool] = bool,
) -> dict[str, list[PurePath]]:
    """Sort raster files by their names without suffix, in natural order.

    Args:
        files: Files, of which hidden ones are left out.
        suffixes: Accepted suffixes in lower case.
        keep: Tells which stems count.
    """
    found = defaultdict(list)
    for path in files:
        name = path.name
        suffix = next((s for s in suffixes if name.lower().endswith(s)), None)
        if suffix is None or name.startswith('.'):
            continue
        stem = name[: len(name) - len(suffix)]
        if keep(stem):
            found[stem].append(path)
    return {stem: found[stem] for stem in sorted(found, key=natural_key)}


def match(
    images: Files, masks: Files | None
) -> tuple[dict[str, Pair], list[str]]:
    """Match images and masks by name.

    Args:
        images: Image files by name.
        masks: Mask files by name; None without labels.

    Returns:
        Image and mask by name, and one line of text per fault.
    """
    faults = []
    for what, files in (('images', images), ('masks', masks or {})):
        for same in files.values():
            if len(same) > 1:
                names = ', '.join(path.name for path in same)
                faults.append(
                    f'{same[0].parent}: {len(same)} {what} with one stem '
                    f'({names})'
                )
    pairs = {}
    for name, (image, *_) in images.items():
        if masks is None:
            pairs[name] = image, None
        elif name in masks:
            pairs[name] = image, masks[name][0]
        else:
            faults.append(f'{image}: image without a mask')
    for name, (mask, *_) in (masks or {}).items():
        if name not in images:
            faults.append(f'{mask}: mask without an image')
    return pairs, faults


def read_stems(path: str) -> list[str]:
    """Read a text file of stems, one a line; suffixes may be given.

    Raises:
        DatasetError: If there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise DatasetError(
            f'no list of stems at {file.absolute()}.\nNext: correct '
            'ann_file, which is relative to data_root, or leave it out.'
        )
    names = [Path(line.strip()) for line in file.read_text().splitlines()]
    return [
        name.stem if name.suffix.lower() in RASTER_SUFFIXES else name.name
        for name in names
        if name.name
    ]
