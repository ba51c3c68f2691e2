"""What the checker wants to know of one image and its mask."""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from mmseg_cube.datasets import contract, masks
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.validity import read_valid

THUMB = 16  # side of the thumbnails that are compared, in pixels
BLACK = 8  # JPEG leaves grey values up to about this in black areas


def inspect_tile(root: Path, tile: Tile) -> tuple[Tile, dict]:
    """Read a tile and take its measures."""
    found = dict(
        split=tile.split,
        name=tile.name,
        image=str(tile.image),
        mask=tile.mask and str(tile.mask),
        shape=None,  # height and width
        building=None,  # share of the pixels that count
        black_frame=0.0,  # share of the outermost pixels that are black
        values={},  # pixels of each in the mask
        counted=None,  # the same, until it is known what they mean
        pixels=[0, 0],  # of background and building
        fault='',
        # For the search of duplicates.
        digest='',
        thumb=None,
    )
    faults = []
    for path, look in (
        (tile.image, _look_at_image),
        (tile.mask, _look_at_mask),
    ):
        try:
            if path is not None:
                with errors_of(path):
                    look(found, root / path)
        except ValueError as error:
            faults.append(str(error))
    if faults and tile.mask:
        swap = contract.find_swap(root / tile.image, root / tile.mask)
        faults = [f'{tile.image}: {swap}'] if swap else faults
    found['fault'] = '; '.join(faults)
    return tile, found


def _look_at_image(found: dict, path: Path) -> None:
    pixels = contract.read_image(path)
    read_valid(path)  # may be broken as well
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    size = THUMB, THUMB
    found['thumb'] = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    frame = np.concatenate(
        [pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]
    )
    black = (frame.max(1) <= BLACK).mean()
    found['black_frame'] = round(float(black), 4)
    found['shape'] = pixels.shape[:2]
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(pixels)
    found['digest'] = digest.hexdigest()


def _look_at_mask(found: dict, path: Path) -> None:
    shape, values = masks.mask_shape(path), masks.learn_mask(path)
    contract.refuse_mismatch(found['shape'] or shape, shape)
    found['counted'] = masks.values_of(values)
