"""Small raw data in the layouts of the three datasets."""

import shutil

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets.conversion import convert_whu


@pytest.fixture
def inria(sample_city, tmp_path):
    """A copy of the sample city's Inria tiles, austin1 to austin7."""
    return shutil.copytree(sample_city['inria'], tmp_path / 'raw inria')


@pytest.fixture
def raw(tmp_path, make_splits):
    """Three tiles per split, as WHU's."""
    return make_splits(tmp_path / 'raw')


@pytest.fixture
def convert(tmp_path):
    """Convert tiles of WHU to the folder ``out``."""

    def convert(source, **options):
        return convert_whu(source, tmp_path / 'out', workers=1, **options)

    return convert


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
