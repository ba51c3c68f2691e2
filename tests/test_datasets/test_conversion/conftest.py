"""Small raw data in the layouts of the three datasets."""

import shutil

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def inria(sample_city, tmp_path):
    """A copy of the sample city's Inria tiles, austin1 to austin7."""
    return shutil.copytree(sample_city['inria'], tmp_path / 'raw inria')


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


@pytest.fixture(scope='session')
def patches():
    """Read all patches under a folder, by path without suffix."""

    def patches(root, pattern='*/*/*'):
        return {
            str(path.relative_to(root).with_suffix('')): np.asarray(
                Image.open(path)
            )
            for path in sorted(root.glob(pattern))
        }

    return patches
