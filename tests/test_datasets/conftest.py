"""Files to read, and a memory of checked files for each test alone."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmseg_cube.datasets import checks
from mmseg_cube.utils.quiet import quiet_libraries


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    folder = tmp_path / 'memory'
    monkeypatch.setattr(checks, 'cache_folder', lambda: folder)
    return folder


@pytest.fixture
def quiet():
    """As it is for all who read."""
    with quiet_libraries():
        yield


@pytest.fixture(scope='session')
def write():
    """Write bands (n, H, W), or (H, W), in the format of the suffix.

    Pillow does so unless it is a TIFF or a driver of GDAL is named; in another
    mode than L or RGB where one is named. A palette is a list of colours.
    """

    def write(path, values, mode=None, palette=(), driver=None, **options):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # rasterio looks into what is there
        bands = values if values.ndim == 3 else values[None]
        if path.suffix.lower() in ('.tif', '.tiff') and not mode:
            driver = driver or 'GTiff'
        if driver is None:
            pixels = bands[0] if len(bands) == 1 else bands.transpose(1, 2, 0)
            image = Image.fromarray(np.ascontiguousarray(pixels))
            image = image.convert(mode) if mode else image
            if palette:
                image.putpalette(sum(map(list, palette), []))
            image.save(path, **options)
            return str(path)
        count, height, width = bands.shape
        place = dict(crs='EPSG:26914', transform=rasterio.Affine.scale(0.3))
        options = place | options | dict(dtype=bands.dtype)
        options |= dict(count=count, height=height, width=width)
        if palette:
            options['photometric'] = 'palette'
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with rasterio.open(path, 'w', driver, **options) as file:
                file.write(bands)
                if palette:
                    file.write_colormap(1, dict(enumerate(palette)))
        return str(path)

    return write


@pytest.fixture(scope='session')
def make_splits(write):
    """Write three tiles per split, each another, of 24 x 24 pixels."""

    def make_splits(
        root,
        splits=('train', 'val', 'test'),
        folders=('image', 'label'),
        suffixes=('.png', '.png'),
        encode=lambda mask: mask * 255,
        shape=(24, 24),
    ):
        rng = np.random.default_rng(0)
        for split in splits:
            for stem in ('2', '10', '9'):
                image = rng.integers(0, 256, (3, *shape), np.uint8)
                mask = np.zeros(shape, np.uint8)
                mask[3:9, 2 : 2 + int(stem)] = 1
                for i, values in enumerate((image, encode(mask))):
                    name = stem + suffixes[i]
                    write(root / split / folders[i] / name, values)
        return root

    return make_splits
