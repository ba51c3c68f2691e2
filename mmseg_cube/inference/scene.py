"""A raster as a network sees it: any format, chosen bands, where it has data.

A scene is one file, or several that lie beside each other. It may be read at
another resolution than it is stored.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.features import geometry_mask

from mmseg_cube.datasets.bands import Channels, as_picture
from mmseg_cube.datasets.contract import read_rgb
from mmseg_cube.datasets.damage import errors_of_decoders
from mmseg_cube.datasets.errors import RasterError, errors_of
from mmseg_cube.datasets.ground import LONGITUDE_LATITUDE, Ground, crs_of
from mmseg_cube.datasets.rasters import Header, open_header
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window
from mmseg_cube.inference.mosaic import (
    known_driver,
    open_rasters,
    surroundings,
)
from mmseg_cube.inference.resample import resample
from mmseg_cube.inference.scene_files import identify

PERCENTILE = 'percentile'
SHARES = 2, 98  # percent of the values that are below what becomes 0 and 255
OVERVIEW = 1024  # pixels of its longer side
LEAST_CACHE = 2**26  # bytes
ONE_BAND = ['gray'], ['undefined'], ['gray', 'alpha']
ONE_GREY = 'has one band, which is shown to the network as red, green and blue'
UNWARPED = (
    'says where it lies by control points or RPCs only, which is lost in what '
    'is written: bring it to a map with gdalwarp first'
)
NOWHERE = 'has corners that are no places of its CRS, so there is no coverage'


@dataclass(frozen=True)
class Bands:
    """Which values of a raster a network sees, and at which resolution.

    ``bands`` and ``scale`` are those of ``Channels``; besides, the scale may
    be ``'percentile'``: of each band all but 2 % of the values at either end,
    measured on an overview of the whole raster. A single band is taken three
    times where ``bands`` says nothing.
    """

    bands: Sequence[int] | None = None
    scale: str | Sequence[float] | None = None
    resolution: float | None = None  # ground metres a pixel; as stored
    nodata: float | None = None  # a value, in place of what is declared
    aoi: str | None = None  # vector file: only what its polygons cover

    def __post_init__(self) -> None:
        scale = None if self.scale == PERCENTILE else self.scale
        channels = Channels(self.bands, scale)
        object.__setattr__(self, 'bands', channels.bands)
        if scale is not None:
            object.__setattr__(self, 'scale', channels.scale)
        if self.resolution is not None and not self.resolution > 0:
            raise ValueError(
                f'resolution must be above 0 metres, not {self.resolution}'
            )


class Scene:
    """A raster that is open for reading.

    Args:
        paths: A file, or what GDAL takes for one, such as an address; or the
            files of a mosaic.
        bands: What to read of it.

    Raises:
        FileError: If it cannot be read as asked.
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        bands: Bands | None = None,
    ) -> None:
        alone = isinstance(paths, str | Path)
        self.paths = [paths] if alone else list(paths)
        self.bands = bands = bands or Bands()
        self.notes: list[str] = []  # what a person should know
        others = len(self.paths) - 1
        self.name = str(self.paths[0]) + f' and {others} more' * bool(others)
        self.dataset = self._stored = open_rasters(self.paths, bands.nodata)
        with self._reading():
            self._source = self._header = Header.of(self._stored)
            plain = not others and bands.nodata is None
            if plain and known_driver(self.paths[0]):
                # Read as datasets do, down to the last bit.
                self._source = self.paths[0]
                self._header = open_header(self.paths[0])
            self._channels = self._choose_channels()
            if bands.resolution is not None:
                self.dataset = resample(self._stored, bands.resolution)
                self._source = Header.of(self.dataset)
        self.shape = self.dataset.shape
        self.crs, self.transform = crs_of(self.dataset), self.dataset.transform
        if bands.aoi:
            self._aoi = self._read_aoi(bands.aoi)
        if not self.has_place and (self._stored.gcps[0] or self._stored.rpcs):
            self.notes.append(UNWARPED)
        if self.crs and not self.has_degrees:
            self.notes.append(NOWHERE)

    @property
    def has_place(self) -> bool:
        """Tell whether it says where on earth it lies."""
        return bool(self.crs) or self.transform != Affine.identity()

    @property
    def has_degrees(self) -> bool:
        """Tell whether its corners have longitudes and latitudes."""
        corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)]) * self.shape[::-1]
        try:
            Ground(self.transform, self.crs).places(
                corners, LONGITUDE_LATITUDE
            )
        except RasterError:
            return False
        return bool(self.crs)

    @cached_property
    def channels(self) -> Channels:
        """What the network sees, with the numbers of the scale."""
        if self.bands.scale != PERCENTILE:
            return self._channels
        values, valid = self._read_small(overview_shape(self._stored.shape))
        places = self._channels.places(self._header)
        seen = [values[place][valid] for place in places]
        ends = [np.percentile(x, SHARES) if x.size else (0, 1) for x in seen]
        pairs = [(low, high if high > low else low + 1) for low, high in ends]
        return Channels(self._channels.bands, pairs)

    def identity(self) -> str:
        """Tell this state of the files from others, by their times and sizes.

        Also that of files that belong to them: those of a VRT, and those
        beside them that say where they lie and where there is no data.
        """
        about = [identify(path) for path in self.paths]
        if self.bands.aoi:
            about.append(identify(self.bands.aoi, raster=False))
        digest = hashlib.sha256(json.dumps(about).encode())
        return digest.hexdigest()[:16]

    def read(self, window: Window) -> np.ndarray:
        """Read what a network sees, uint8 of shape (channels, H, W)."""
        with self._reading():
            return read_rgb(self._source, window, self.channels)

    def valid(self, window: Window) -> np.ndarray | None:
        """Read where there is data, bool (H, W), or None: everywhere."""
        with self._reading():
            return read_valid(self._source, window, self._channels)

    def wanted(
        self, window: Window, valid: np.ndarray | None
    ) -> np.ndarray | None:
        """Return what of the data is in the AOI, as :meth:`valid`."""
        if not self.bands.aoi:
            return valid
        place = self.transform * Affine.translation(window.x, window.y)
        shape = window.height, window.width
        inside = geometry_mask(self._aoi, shape, place, invert=True)
        return inside if valid is None else inside & valid

    def _read_aoi(self, path: str) -> np.ndarray:
        """Read polygons in the CRS of the raster."""
        # Only here, for it needs the extra [cities].
        from mmseg_cube.datasets.vectors import read_footprints

        with errors_of(self.name):
            if not self.crs:
                raise RasterError('has no CRS', 'Leave out --aoi.')
        with errors_of(path):
            found = read_footprints(path, to=self.crs).polygons
            if not len(found):
                raise RasterError('has no polygons', 'Name another --aoi.')
        return found

    def picture(self, shape: tuple[int, int]) -> np.ndarray:
        """Read it all as a small picture, uint8 (H, W, 4), red first."""
        values, valid = self._read_small(shape)
        seen = as_picture(self.channels.take(values, self._header))
        return np.dstack([seen, 255 * valid.astype(np.uint8)])

    def cache(self, size: int) -> rasterio.Env:
        """Let GDAL keep two rows of windows, however much memory there is.

        Left to itself it takes a twentieth of all. Formats that are stored
        in lines are then decoded once.
        """
        height, width = self._stored.shape
        rows = 2 * size * -(-height // self.shape[0])
        bytes_ = sum(np.dtype(kind).itemsize for kind in self._stored.dtypes)
        most = max(LEAST_CACHE, rows * width * bytes_)
        return rasterio.Env(GDAL_CACHEMAX=most)

    def _choose_channels(self) -> Channels:
        bands, scale = self.bands.bands, self.bands.scale
        colours = [colour.name for colour in self._header.colours]
        if bands is None and colours in ONE_BAND:
            bands = 1, 1, 1
            self.notes.append(ONE_GREY)
        if scale == PERCENTILE:
            scale = 0, 1  # any one, to find out that values need it
        channels, alpha = Channels(bands, scale), self._header.alpha
        places = channels.places(self._header)  # refuses what does not fit
        if len(self.paths) > 1 or self.bands.resolution is not None:
            if alpha in (bands or ()):
                raise RasterError(
                    f'has alpha as band {alpha}: it masks the others in a '
                    'mosaic, and at another resolution',
                    f'Or is it none? gdal_translate -colorinterp_{alpha} '
                    'undefined IN OUT.',
                )
            # A raster that is resampled may get one band more, its mask.
            channels = Channels([place + 1 for place in places], scale)
        return channels

    def _read_small(
        self, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read all bands in a few pixels, and where there is data."""
        with self._reading():
            values = self._stored.read(out_shape=shape)
            # As read_valid does; dataset_mask may ask the fourth band alone.
            alpha, seen = self._header.alpha, self._channels
            bands = [band for band in self._stored.indexes if band != alpha]
            valid = self._stored.read_masks(bands, out_shape=shape).any(0)
        if alpha and alpha not in (seen.bands or ()):
            valid &= values[alpha - 1] > 0
        if values.dtype.kind == 'f':
            valid &= ~np.isnan(values[seen.places(self._header)]).any(0)
        return values, valid

    @contextmanager
    def _reading(self) -> Iterator[None]:
        around = surroundings(self.paths[0])
        with errors_of(self.name), errors_of_decoders(), around:
            yield


def overview_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a small copy of a raster: one pixel of several."""
    step = -(-max(shape) // OVERVIEW)
    return tuple(-(-side // step) for side in shape)
