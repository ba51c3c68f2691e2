"""Small raw data in the layouts of the three datasets."""

import shutil
import zipfile

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmseg_cube.datasets import file_facts


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(
        file_facts, 'cache_folder', lambda: tmp_path / 'memory'
    )


@pytest.fixture(scope='session')
def write_tiff():
    """Write bands (n, H, W) of any type as a GeoTIFF."""

    def write_tiff(path, bands, **profile):
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            path,
            'w',
            driver='GTiff',
            count=bands.shape[0],
            height=bands.shape[1],
            width=bands.shape[2],
            dtype=bands.dtype,
            **profile,
        ) as file:
            file.write(bands)
        return path

    return write_tiff


@pytest.fixture
def inria(sample_city, tmp_path):
    """A copy of the sample city's Inria tiles, austin1 to austin7."""
    return shutil.copytree(sample_city['inria'], tmp_path / 'raw inria')


@pytest.fixture(scope='session')
def make_splits():
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
                image = rng.integers(0, 256, (*shape, 3), np.uint8)
                mask = np.zeros(shape, np.uint8)
                mask[3:9, 2 : 2 + int(stem)] = 1
                pairs = zip(
                    folders, suffixes, (image, encode(mask)), strict=True
                )
                for folder, suffix, array in pairs:
                    path = root / split / folder / (stem + suffix)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(array).save(path)
        return root

    return make_splits


@pytest.fixture(scope='session')
def pack():
    """Pack a folder into a zip archive, itself included."""

    def pack(folder, path):
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.rglob('*')):
                archive.write(file, file.relative_to(folder.parent))
        return path

    return pack


@pytest.fixture(scope='session')
def patches():
    """Read all patches under a folder, by path without suffix."""

    def patches(root):
        return {
            path.relative_to(root).with_suffix('').as_posix(): np.asarray(
                Image.open(path)
            )
            for path in sorted(root.glob('*/*/*'))
        }

    return patches
