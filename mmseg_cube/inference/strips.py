"""A raster in strips: each a file of its own, so that none is made twice.

A strip is the unit of work. It appears whole or not at all, which lets a run
that was killed go on, and processes or machines share a raster.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

from mmseg_cube.datasets.damage import warnings_as_errors
from mmseg_cube.inference.raster import Rows
from mmseg_cube.inference.vrt import Tile
from mmseg_cube.utils.whole_files import write_whole

NODATA = 255
SURE = 254  # stands for a probability of 1
WINDOWS_HIGH = 8  # a strip, unless something else is asked for
LITTLE_ROOM = 2**24  # bytes
PROFILE = dict(
    driver='GTiff', dtype='uint8', count=2, nodata=NODATA, tiled=True,
    blockxsize=256, blockysize=256, compress='deflate', zlevel=1,
    bigtiff='if_safer',
)  # fmt: skip


class Strips:
    """The strips of one raster, in a folder.

    Each holds the probability and the mask in bytes, ``NODATA`` where there
    is no data.

    Args:
        folder: Where they are; it is made with the first.
        mark: Tells the raster and all settings from others. What has
            another one is made again.
        shape: Height and width of the raster.
        starts: Where its rows of windows begin.
        rows: How high a strip should be, at least one row of windows.
        threshold: Of the probability of a building.
        exact: Keep probabilities as float32, nan where there is no data.
    """

    def __init__(
        self,
        folder: Path,
        mark: str,
        shape: tuple[int, int],
        starts: Sequence[int],
        rows: int,
        threshold: float,
        exact: bool = False,
    ) -> None:
        self.exact = exact
        self.folder, self.mark, self.threshold = folder, mark, threshold
        height, self.width = shape
        # Bands of predict_bands end where windows begin.
        borders = [0]
        for start in starts:
            if start - borders[-1] >= rows:
                borders.append(start)
        self.rows: list[Rows] = list(pairwise([*borders, height]))

    def missing(self) -> list[int]:
        """Return the numbers of the strips that are not there."""
        return [n for n in range(len(self.rows)) if not self._tags(n)]

    def write(self, numbers: Sequence[int], bands: Iterator) -> None:
        """Write strips that follow each other from the bands they consist of.

        An OSError says that the disk is full or fails.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            write = partial(self._write, self.rows[number], bands)
            write_whole(self._path(number), write)

    def tiles(self) -> list[Tile]:
        """Return the files that are there, and their places."""
        missing = self.missing()
        return [
            Tile(str(self._path(n).resolve()), 0, top, self.width, end - top)
            for n, (top, end) in enumerate(self.rows)
            if n not in missing
        ]

    def counts(self) -> tuple[int, int]:
        """Count pixels of buildings, and those that have data, in all."""
        tags = [self._tags(number) for number in range(len(self.rows))]
        building, valid = (
            sum(int(each[name]) for each in tags)
            for name in ('building', 'valid')
        )
        return building, valid

    def _path(self, number: int) -> Path:
        return self.folder / f'{number:05}.tif'

    def _tags(self, number: int) -> dict[str, str]:
        """Return what a strip says of itself; nothing if it is not there."""
        with suppress(RasterioError):
            with rasterio.open(self._path(number)) as file:
                tags = file.tags()
            rows = str(self.rows[number])
            if (tags.get('mark'), tags.get('rows')) == (self.mark, rows):
                return tags
        return {}

    def _write(self, rows: Rows, bands: Iterator, path: Path) -> None:
        top, end = rows
        building = valid = 0
        shape = dict(width=self.width, height=end - top)
        if self.exact:
            shape.update(dtype='float32', nodata=None)
        with (
            errors_of_disk(path),
            rasterio.open(path, 'w', **PROFILE | shape) as file,
        ):
            row = 0
            while row < end - top:
                values = next(bands)
                bytes_, mask = to_bytes(values, self.threshold)
                shown = values if self.exact else bytes_
                place = Window(0, row, self.width, len(values))
                file.write(np.stack([shown, mask]), window=place)
                row += len(values)
                building += int((mask == 1).sum())
                valid += int((mask != NODATA).sum())
            about = dict(building=building, valid=valid)
            file.update_tags(mark=self.mark, rows=rows, **about)
        # What fails while a file is closed is not heard.
        with errors_of_disk(path), rasterio.open(path):
            pass


def to_bytes(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Put probabilities (H, W) in bytes, and beside them the mask."""
    pair = np.stack([np.rint(probability * SURE), probability > threshold])
    pair[:, np.isnan(probability)] = NODATA
    return pair.astype(np.uint8)


@contextmanager
def errors_of_disk(path: Path) -> Iterator[None]:
    """Raise what GDAL says of writing as an OSError, all of it."""
    try:
        with warnings_as_errors():
            yield
    except (RasterioError, CPLE_BaseError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        code, text = errno.EFBIG, f'cannot be written ({error})'
        if shutil.disk_usage(path.parent).free < LITTLE_ROOM:
            code, text = errno.ENOSPC, os.strerror(errno.ENOSPC)
        raise OSError(code, text, str(path)) from error
