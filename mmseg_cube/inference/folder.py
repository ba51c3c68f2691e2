"""The images of a folder, and their sizes."""

from collections.abc import Iterable
from pathlib import Path

from mmseg_cube.datasets.contract import image_shape
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.folders import list_rasters
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES

Shape = tuple[int, int]  # height and width in pixels


def list_images(folder: Path) -> list[Path]:
    """List the images of a folder in natural order.

    Raises:
        DatasetError: If it is missing, has no images, or two of one stem.
    """
    if not folder.is_dir():
        raise DatasetError(f'there is no folder {folder}')
    files = list_rasters(folder, RASTER_SUFFIXES)
    if not files:
        raise DatasetError(
            f'{folder} has no images ({", ".join(RASTER_SUFFIXES)})'
        )
    for same in files.values():
        if len(same) > 1:
            names = ', '.join(path.name for path in same)
            raise DatasetError(
                f'{folder}: {names} would all get the same mask. Leave one '
                'of them'
            )
    return [path for (path,) in files.values()]


def read_shapes(images: Iterable[Path]) -> dict[Path, Shape]:
    """Read height and width of images from their headers.

    Raises:
        ValueError: If one cannot be read or is not 8-bit RGB.
    """
    shapes = {}
    for image in images:
        with errors_of(str(image)):
            shapes[image] = image_shape(image)
    return shapes
