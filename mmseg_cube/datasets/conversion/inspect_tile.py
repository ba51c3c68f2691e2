"""What the checker wants to know of one image and its mask."""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from mmseg_cube.datasets import contract, masks
from mmseg_cube.datasets.bands import Channels, as_picture
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.validity import read_valid

THUMB = 16  # side of the thumbnails that are compared, in pixels
BLACK = 8  # JPEG leaves grey values up to about this in black areas


def inspect_tile(
    root: Path, channels: Channels, tile: Tile
) -> tuple[Tile, dict]:
    """Read a tile and take its measures."""
    image, mask = root / tile.image, tile.mask and root / tile.mask
    found = dict(
        split=tile.split,
        name=tile.name,
        image=str(tile.image),
        mask=tile.mask and str(tile.mask),
        shape=None,  # height and width
        building=None,  # share of the pixels that count
        black_frame=0.0,  # share of the outermost pixels that are black
        values={},  # pixels of each in the mask
        pixels=[0, 0],  # of background and building
        fault='',
        # What only the search of duplicates and of meanings needs.
        digest='',
        thumb=None,
        counted=[],
    )
    try:
        name = str(tile.image)
        with contract.errors_of_pair(image, mask, name, channels):
            with errors_of(tile.image):
                found |= _look_at_image(image, channels)
            if mask:
                with errors_of(tile.mask):
                    learnt = masks.learn_mask(mask)
                    contract.refuse_mismatch(found['shape'], learnt[:2])
                found['counted'] = masks.values_of(learnt)
    except ValueError as error:
        found['fault'] = str(error)
    return tile, found


def _look_at_image(path: Path, channels: Channels) -> dict:
    pixels = contract.read_image(path, channels=channels)
    read_valid(path, channels=channels)  # may be broken as well
    bands = pixels.transpose(2, 0, 1)
    grey = cv2.cvtColor(as_picture(bands), cv2.COLOR_BGR2GRAY)
    frame = np.concatenate(
        [pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]
    )
    black = (frame.max(1) <= BLACK).mean()
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(pixels)
    return dict(
        shape=pixels.shape[:2],
        black_frame=round(float(black), 4),
        digest=digest.hexdigest(),
        thumb=cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA),
    )
