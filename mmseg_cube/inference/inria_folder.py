"""Masks as the TIFF files that Inria's leaderboard takes.

One bit a pixel, set for building, and 1 means white. So GDAL reads a file as
0 and 1, Pillow and OpenCV read it as the 0 and 255 that the organisers speak
of.
"""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from mmseg_cube.datasets.mask_folder import MaskFolder
from mmseg_cube.utils.quiet import quiet_libraries

SUFFIX = '.tif'
COMPRESSION = 'CCITTFAX4'
Shape = tuple[int, int]  # height and width in pixels


class InriaFolder(MaskFolder):
    """Tiles of a submission, each with the name and the place of its image."""

    suffix = SUFFIX

    def save(self, path: Path, mask: np.ndarray, image: str | Path) -> None:
        """Write the mask of a tile to a path."""
        with quiet_libraries(), rasterio.open(image) as source:
            place = dict(crs=source.crs, transform=source.transform)
        height, width = mask.shape
        profile = dict(driver='GTiff', height=height, width=width, count=1)
        profile.update(dtype='uint8', compress=COMPRESSION, nbits=1)
        # GDAL would put what a TIFF cannot hold into an .aux.xml file.
        with (
            quiet_libraries(),
            rasterio.Env(GDAL_PAM_ENABLED=False),
            rasterio.open(path, 'w', **profile, **place) as tile,
        ):
            tile.write((mask == 1).astype(np.uint8), 1)

    def is_whole(self, path: Path, shape: Shape) -> bool:
        """Tell whether a file is a whole mask of a height and width."""
        fault, _ = inspect_tile(path.read_bytes(), shape)
        return not fault


def inspect_tile(content: bytes, shape: Shape) -> tuple[str, int]:
    """Compare a tile of a submission with what the leaderboard expects.

    Args:
        content: Its file.
        shape: Height and width that it should have.

    Returns:
        The fault, empty if there is none, and the number of building pixels.
    """
    if not content:
        return 'is empty', 0
    try:
        with (
            quiet_libraries(),
            rasterio.MemoryFile(content) as memory,
            memory.open() as tile,
        ):
            fault = _find_wrong_header(tile, shape)
            return fault, 0 if fault else int(tile.read(1).sum(dtype=np.int64))
    except RasterioError:
        return 'cannot be read, it is damaged, cut short or no image', 0


def _find_wrong_header(tile: rasterio.DatasetReader, shape: Shape) -> str:
    structure = tile.tags(ns='IMAGE_STRUCTURE')
    bits = tile.tags(1, ns='IMAGE_STRUCTURE').get('NBITS')
    compression = structure.get('COMPRESSION', 'none')
    height, width = shape
    checks = {
        f'is a {tile.driver}, not a TIFF': tile.driver == 'GTiff',
        f'is {tile.width} x {tile.height} pixels, not {width} x {height}': (
            (tile.height, tile.width) == (height, width)
        ),
        f'has {tile.count} bands, not one': tile.count == 1,
        f'has pixels of {tile.dtypes[0]}, not of 1 bit': bits == '1',
        f'has compression {compression}, not {COMPRESSION}': (
            compression == COMPRESSION
        ),
        'stores white as 0, so its values are inverted': (
            structure.get('MINISWHITE') != 'YES'
        ),
    }
    return ', '.join(fault for fault, passed in checks.items() if not passed)
