"""Prediction of many images, each one mask in a folder."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from mmseg.models import BaseSegmentor

from mmseg_cube.datasets.building_windows import image_shape, naming
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.folders import list_rasters
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.inference.raster import Progress, Tiling, predict_mask

Shape = tuple[int, int]  # height and width in pixels


class MaskWriter(Protocol):
    """A folder of masks, in which a later run finds those that are done."""

    folder: Path
    suffix: str

    def is_done(self, image: Path, shape: Shape) -> bool:
        """Tell whether the mask of an image is there and whole."""

    def write(self, mask: np.ndarray, image: Path) -> None:
        """Write the mask (0 and 1) of an image, whole or not at all."""


class Done(NamedTuple):
    """What a run did.

    Attributes:
        written: Number of masks that were predicted.
        kept: Number of masks that were there already.
    """

    written: int
    kept: int


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
        with naming(str(image)):
            shapes[image] = image_shape(image)
    return shapes


def predict_images(
    model: BaseSegmentor,
    shapes: dict[Path, Shape],
    out: MaskWriter,
    threshold: float = 0.5,
    tiling: Tiling | None = None,
    track: Callable[[Sequence[Path]], Iterable[Path]] = iter,
    progress: Progress | None = None,
) -> Done:
    """Predict the masks that are not there yet.

    Args:
        model: Segmentor of background and building, on its device.
        shapes: Height and width of each image, of :func:`read_shapes`.
        out: Where to write.
        threshold: A pixel is a building if its probability is above it.
        tiling: How to cut the images.
        track: Passes the images on one by one, to show how many are done.
        progress: Called after every batch of windows of an image.

    Raises:
        ValueError: As of :func:`predict_mask`.
        OSError: If a mask cannot be written.
    """
    missing = [
        image
        for image, shape in shapes.items()
        if not out.is_done(image, shape)
    ]
    for image in track(missing):
        mask = predict_mask(model, image, threshold, tiling, progress)
        out.write(mask, image)
    return Done(len(missing), len(shapes) - len(missing))
