"""What the checker wants to know of one image and its mask."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ..errors import RasterError
from ..masks import to_binary
from ..rasters import read_bands
from .pixels import find_exchange, read_pixels
from .tiles import Tile

THUMB = 16  # side of the thumbnails that are compared, in pixels
BLACK = 8  # JPEG leaves grey values up to about this in black areas
MOST_VALUES = 16  # of a mask, in its histogram


@dataclass(frozen=True)
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
    faults, found = [], {}
    image_path = root / tile.image
    mask_path = tile.mask and root / tile.mask
    try:
        found = _image(read_pixels(image_path))
    except RasterError as error:
        faults.append(f'{tile.image}: {error}')
    if mask_path:
        try:
            values = read_bands(str(mask_path), mask_path.name)
            found['values'] = _histogram(values)
            mask = to_binary(values)
            found['building'] = float(mask.mean())
            shape = found.get('shape', mask.shape)
            if shape != mask.shape:
                faults.append(
                    f'{tile.mask}: mask is {mask.shape[1]} x {mask.shape[0]} '
                    f'pixels, its image is {shape[1]} x {shape[0]}'
                )
        except RasterError as error:
            faults.append(f'{tile.mask}: {error}')
    if faults:
        swap = find_exchange(image_path, mask_path)
        faults = [f'{tile.image}: {swap}'] if swap else faults
    return Record(tile, **found, fault='; '.join(faults))


def _image(pixels: np.ndarray) -> dict:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    frame = np.concatenate(
        [pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]
    )
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels))
    return dict(
        shape=pixels.shape[:2],
        digest=digest.hexdigest(),
        thumb=cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA),
        blank=bool((pixels == pixels[0, 0]).all()),
        black_frame=float((frame.max(1) <= BLACK).mean()),
    )


def _histogram(values: np.ndarray) -> dict[str, int]:
    """Count the values of the first band, the most frequent ones only."""
    band = values[0] if values.ndim == 3 else values
    if band.dtype == np.uint8:  # np.unique would sort 25 million of them
        numbers = np.bincount(band.ravel())
        found = np.flatnonzero(numbers)
        counts = numbers[found]
    else:
        found, counts = np.unique(band, return_counts=True)
    most = np.argsort(-counts, kind='stable')[:MOST_VALUES]
    return {str(found[i].item()): int(counts[i]) for i in sorted(most)}
