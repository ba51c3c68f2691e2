"""Probabilities from rasters of one band, or masks, strip by strip."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from rasterio import DatasetReader
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from mmseg_cube.datasets.damage import errors_of_decoders
from mmseg_cube.datasets.errors import FileError, RasterError, errors_of
from mmseg_cube.datasets.ground import Ground, crs_of
from mmseg_cube.datasets.masks import refuse_inverted
from mmseg_cube.inference.mosaic import open_any, open_rasters
from mmseg_cube.inference.polygons import Probabilities
from mmseg_cube.inference.scene_files import image_date

STRIP = 2**22  # pixels
ADVICE = 'Name the value of probability 1, such as --full 255.'


def open_probabilities(
    source: str, paths: Sequence[str | Path], full: float | None = None
) -> Probabilities:
    """Open a raster, or adjacent ones, to read it in strips.

    Floats are probabilities. Whole numbers are a mask of 0 and 1 or of 0 and
    255, unless the file has a scale, as those of ``mmseg-cube predict``, or
    ``full`` is the value of probability 1. Pixels without data are 0.

    Raises:
        FileError: If a file cannot be read, or (when its rows are read) has
            other values.
    """
    name, dataset = str(paths[0]), open_rasters(paths)
    with open_any(name) as first, errors_of(name):
        refuse_inverted(first)
        scale, kind, about = first.scales[0], first.dtypes[0], first.tags()
        about['image_date'] = image_date(paths)
        bands = first.count - (ColorInterp.alpha in first.colorinterp)
        if bands != 1 or np.dtype(kind).kind not in 'uif':
            raise RasterError(
                f'has {first.count} bands of {kind}, but polygons are made of '
                'one of numbers',
                'Make it from an image with mmseg-cube predict.',
            )
        if any(first.offsets):
            raise RasterError(
                f'has values with an offset, {first.offsets[0]:g}',
                'Write it anew with 0 for probability 0.',
            )
    if full is None and (kind.startswith('float') or scale != 1):
        full = scale and 1 / scale
    if full is None:
        about.pop('threshold', None)  # that of a mask, which has been used
    elif not 0 < full < np.inf:
        raise FileError(f'{name}: {full:g} cannot be probability 1. {ADVICE}')
    return as_probabilities(dataset, source, full, about, name)


def crs_of_all(
    rasters: Sequence[Probabilities], crs: CRS | None
) -> CRS | None:
    """Return the CRS of polygons in one file; refuse what cannot be there."""
    own = [raster.ground.crs for raster in rasters]
    if None in own and (crs or any(own)):
        raise ValueError('one of the rasters has no CRS; work on it alone')
    if not crs and own.count(own[0]) < len(own):
        raise ValueError('the rasters have several CRSs; name one with --crs')
    return crs or own[0]


def as_probabilities(
    dataset: DatasetReader,
    source: str,
    full: float | None,
    about: Mapping[str, str],
    name: str = '',
) -> Probabilities:
    """Read an open raster of one band; messages call it by its name."""
    return Probabilities(
        _read(dataset, name, full),
        full or 1,
        Ground(dataset.transform, crs_of(dataset)),
        source,
        dataset.shape,
        about=about,
    )


def _read(
    dataset: DatasetReader, name: str, full: float | None
) -> Iterator[np.ndarray]:
    """Read strips; of a mask, if there is no full value, 0 and 1."""
    masked = dataset.mask_flag_enums[0] != [MaskFlags.all_valid]
    high, building = max(STRIP // dataset.width, 1), 0
    for top in range(0, dataset.height, high):
        rows = min(high, dataset.height - top)
        window = Window(0, top, dataset.width, rows)
        with errors_of(name), errors_of_decoders():
            values = dataset.read(1, window=window)
            if masked:
                values[dataset.dataset_mask(window=window) == 0] = 0
        building = building or values.max()
        wrong = (values < 0) | (values > (full or building))
        if full is None:
            known = building in (1, 255)
            wrong |= (values != 0) & ((values != building) | (not known))
        if wrong.any():
            what = f'up to {full:g}' if full else '0 and 1, or 0 and 255'
            raise FileError(
                f'{name}: holds {values[wrong][0]}, not only {what}. {ADVICE}'
            )
        yield values if full else (values > 0).view(np.uint8)
