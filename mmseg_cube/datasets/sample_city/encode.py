"""Turns scenes into the bytes of image files."""

from collections.abc import Sequence

import cv2
import numpy as np

from .regions import GSD, REGIONS
from .scene import draw_scene

SUFFIXES = ('.tif', '.png', '.jpg')
JPEG_QUALITY = 92
# Labels of the pictures that would not survive in their format.
LABEL_SUFFIX = {'.tif': '.tif', '.png': '.png', '.jpg': '.png'}


def plain_pair(
    seed: Sequence[int], suffix: str, scene: dict
) -> tuple[bytes, bytes]:
    """Draw a scene and return its picture and label files.

    Args:
        seed: Seed of the scene.
        suffix: Format of the picture, one of :data:`SUFFIXES`.
        scene: Further arguments of :func:`draw_scene`.
    """
    image, mask = draw_scene(seed, **scene)
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    options = options if suffix == '.jpg' else []
    _, picture = cv2.imencode(suffix, image[..., ::-1], options)
    _, label = cv2.imencode(LABEL_SUFFIX[suffix], mask)
    return picture.tobytes(), label.tobytes()


def geotiff_files(
    seed: Sequence[int], size: int, name: str, number: int
) -> list[bytes]:
    """Draw a tile of an Inria region and return its GeoTIFF files.

    Args:
        seed: Seed of the scene.
        size: Side in pixels.
        name: Region.
        number: Number of the tile, from 1; tiles lie in a row.

    Returns:
        The picture and its label.

    Raises:
        ImportError: If rasterio is missing.
    """
    region = REGIONS[name]
    image, mask = draw_scene(seed, size, GSD, style=region.style)
    west = region.east + (number - 1) * size * GSD
    layers = image.transpose(2, 0, 1), mask[None]
    return [
        _geotiff(layer, region.epsg, west, region.north) for layer in layers
    ]


def _geotiff(bands: np.ndarray, epsg: int, west: float, north: float) -> bytes:
    """Encode bands (n, size, size) as an uncompressed GeoTIFF."""
    try:
        import rasterio
    except ModuleNotFoundError as error:
        raise ImportError(
            'GeoTIFF tiles need rasterio: pip install rasterio'
        ) from error
    profile = {
        'driver': 'GTiff',
        'count': bands.shape[0],
        'height': bands.shape[1],
        'width': bands.shape[2],
        'dtype': 'uint8',
        'crs': f'EPSG:{epsg}',
        'transform': rasterio.Affine(GSD, 0, west, 0, -GSD, north),
    }
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(bands)
        return memory.read()
