"""Where rasters hold data, by their own word."""

import os
import re
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.damage import errors_of_decoders
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.headers import Source
from mmseg_cube.datasets.rasters import (
    open_header,
    open_raster,
    read_raster,
    read_window,
)
from mmseg_cube.datasets.windows import Window

NODATA = re.compile(r'<NoDataValue[^>]*>([^<]+)<')


def read_valid(
    source: Source, window: Window | None = None
) -> np.ndarray | None:
    """Read where an image, or a window of it, holds data.

    Followed are a nodata value (of pixels that have it in all bands), an
    alpha band and an internal mask; and of files beside it a mask
    ``<name>.msk`` and the nodata value in ``<name>.aux.xml``. What lies
    beyond the edges is reflected, as by read_raster.

    Returns:
        True where there is data, bool of shape (H, W); None if there is data
        everywhere, which costs next to nothing if nothing is declared.

    Raises:
        RasterError: If a file cannot be read, or the window lies outside.
    """
    dataset, _, masked, _ = open_header(source)
    found = []
    if masked:
        with errors_of_decoders():
            found.append(read_window(dataset, dataset.dataset_mask, window))
    if not isinstance(source, bytes):
        path = os.fspath(source)
        if os.path.lexists(mask := f'{path}.msk'):  # noqa: PTH110, fast
            if open_raster(mask).shape != dataset.shape:
                raise RasterError(
                    f'its mask {Path(mask).name} has another size',
                    'Write that anew, or take it away.',
                )
            found.append(read_raster(mask, window).any(0))
        if os.path.lexists(notes := f'{path}.aux.xml'):  # noqa: PTH110, fast
            nodata = NODATA.findall(Path(notes).read_text(errors='replace'))
            if nodata:
                # One per band, or one for all.
                values = np.array(nodata, float).reshape(-1, 1, 1)
                found.append((read_raster(source, window) != values).any(0))
    valid = np.logical_and.reduce(found) if found else None
    return None if valid is None or valid.all() else valid
