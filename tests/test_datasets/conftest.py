"""Files to read, and a memory of checked files for each test alone."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmseg_cube.datasets import checks


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    folder = tmp_path / 'memory'
    monkeypatch.setattr(checks, 'cache_folder', lambda: folder)
    return folder


@pytest.fixture(scope='session')
def write():
    """Write bands (n, H, W), or (H, W), in the format of the suffix."""

    def write(path, values, **options):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # rasterio looks into what is there
        bands = values if values.ndim == 3 else values[None]
        if path.suffix.lower() not in ('.tif', '.tiff'):
            pixels = bands[0] if len(bands) == 1 else bands.transpose(1, 2, 0)
            Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)
            return str(path)
        profile = dict(
            count=len(bands),
            height=bands.shape[1],
            width=bands.shape[2],
            dtype=bands.dtype,
            crs='EPSG:26914',
            transform=rasterio.Affine.scale(0.3),
        )
        colours = options.pop('colormap', None)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with rasterio.open(
                path, 'w', 'GTiff', **profile, **options
            ) as file:
                file.write(bands)
                if colours:
                    file.write_colormap(1, colours)
        return str(path)

    return write
