"""What the checker wants to know of one image and its mask."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mmseg_cube.datasets import contract
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.tiles import Tile

THUMB = 16  # side of the thumbnails that are compared, in pixels
BLACK = 8  # JPEG leaves grey values up to about this in black areas
MOST_VALUES = 16  # of a mask, in its histogram


@dataclass
class Record:
    """What was found out about a tile.

    Attributes:
        tile: The tile.
        shape: Height and width of the image; None if it is unreadable.
        digest: Hash of the pixels of the image.
        thumb: Grey thumbnail, (16, 16) uint8.
        blank: Whether all pixels of the image are the same.
        black_frame: Share of the outermost pixels that are black.
        values: Pixels per value of the mask.
        building: Share of building; None without a readable mask.
        fault: What is wrong; empty if nothing is.
    """

    tile: Tile
    shape: tuple[int, int] | None = None
    digest: str = ''
    thumb: np.ndarray | None = None
    blank: bool = False
    black_frame: float = 0.0
    values: Mapping[str, int] = field(default_factory=dict)
    building: float | None = None
    fault: str = ''


def inspect_tile(root: Path, tile: Tile) -> Record:
    """Read a tile and take its measures.

    Args:
        root: Folder that its files are relative to.
        tile: The tile.
    """
    record, faults = Record(tile), []
    for path, look in ((tile.image, _image), (tile.mask, _mask)):
        try:
            if path is not None:
                with errors_of(path):
                    look(record, root / path)
        except ValueError as error:
            faults.append(str(error))
    if faults and tile.mask:
        swap = contract.find_swap(root / tile.image, root / tile.mask)
        faults = [f'{tile.image}: {swap}'] if swap else faults
    record.fault = '; '.join(faults)
    return record


def _image(record: Record, path: Path) -> None:
    pixels = contract.read_image(path)
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    size = THUMB, THUMB
    record.thumb = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    frame = np.concatenate(
        [pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]
    )
    record.black_frame = float((frame.max(1) <= BLACK).mean())
    record.blank = bool((pixels == pixels[0, 0]).all())
    record.shape = pixels.shape[:2]
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(pixels)
    record.digest = digest.hexdigest()


def _mask(record: Record, path: Path) -> None:
    values = contract.read_mask_values(path)
    record.values = _histogram(values[0])
    mask = contract.to_binary(values)
    record.building = float(mask.mean())
    contract.refuse_mismatch(record.shape or mask.shape, mask.shape)


def _histogram(band: np.ndarray) -> dict[str, int]:
    """Count the values of a band, the most frequent ones only."""
    if band.dtype == np.uint8:  # np.unique would sort 25 million of them
        numbers = np.bincount(band.ravel())
        found = np.flatnonzero(numbers)
        counts = numbers[found]
    else:
        found, counts = np.unique(band, return_counts=True)
    most = np.argsort(-counts, kind='stable')[:MOST_VALUES]
    return {str(found[i].item()): int(counts[i]) for i in sorted(most)}
