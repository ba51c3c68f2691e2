"""Listing of raster files and matching of images with masks."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import DatasetError
from .rasters import RASTER_SUFFIXES

Pair = tuple[Path, Path | None]


def natural_key(stem: str) -> list[tuple[int, int | str]]:
    """Sort key that puts ``tile2`` before ``tile10`` and 9 before 10."""
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in re.split(r'(\d+)', stem)
        if part
    ]


def list_rasters(
    folder: Path,
    suffixes: Sequence[str],
    keep: Callable[[str], bool] | None = None,
) -> dict[str, list[Path]]:
    """List a folder's raster files by stem, hidden files left out.

    Args:
        folder: Folder to list, sub-folders left out.
        suffixes: Accepted suffixes in lower case.
        keep: Tells which stems count.

    Returns:
        Files per stem, stems in natural order.
    """
    files = defaultdict(list)
    for path in sorted(folder.iterdir()):
        name = path.name
        suffix = next((s for s in suffixes if name.lower().endswith(s)), None)
        if suffix is None or name.startswith('.'):
            continue
        stem = name[: len(name) - len(suffix)]
        if keep is None or keep(stem):
            files[stem].append(path)
    return {stem: files[stem] for stem in sorted(files, key=natural_key)}


def match(
    images: dict[str, list[Path]], masks: dict[str, list[Path]] | None
) -> tuple[dict[str, Pair], list[str]]:
    """Match images and masks by stem.

    Args:
        images: Image files per stem.
        masks: Mask files per stem; None for a split without labels.

    Returns:
        Image and mask per stem, and one line of text per fault.
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
    for stem, (image, *_) in images.items():
        if masks is not None and stem not in masks:
            faults.append(f'{image}: image without a mask')
        else:
            pairs[stem] = image, masks[stem][0] if masks is not None else None
    for stem, (mask, *_) in (masks or {}).items():
        if stem not in images:
            faults.append(f'{mask}: mask without an image')
    return pairs, faults


def as_suffixes(suffix: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return one or several suffixes in lower case; all known for None."""
    if suffix is None:
        return RASTER_SUFFIXES
    given = [suffix] if isinstance(suffix, str) else suffix
    return tuple(each.lower() for each in given)


def read_stems(path: str) -> list[str]:
    """Read a text file of stems, one a line; suffixes may be given.

    Args:
        path: The text file.

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
