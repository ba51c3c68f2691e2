"""The tiles of Inria: folders, splits and regions."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mmseg_cube.datasets import DatasetError, InriaDataset
from mmseg_cube.datasets.inria_tiles import TEST_REGIONS, TRAINING_REGIONS

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(InriaDataset, windows='whole', serialize_data=False)
TRAIN = [(r, n) for r in TRAINING_REGIONS for n in (6, 10, 36)]
VAL = [(r, n) for r in TRAINING_REGIONS for n in range(1, 6)]
TEST = [(r, n) for r in TEST_REGIONS for n in (1, 2, 36)]


@pytest.fixture
def root(tmp_path, write):
    """Eight tiles of each training region and three of each other region."""
    root = tmp_path / 'AerialImageDataset'
    values = np.zeros((3, 6, 6), np.uint8)
    values[:, 1:3] = 255
    for kind, bands in (('images', values), ('gt', values[0])):
        content = Path(write(tmp_path / 'one.tif', bands)).read_bytes()
        for split, tiles in (('train', TRAIN + VAL), ('test', TEST)):
            if (split, kind) != ('test', 'gt'):
                (root / split / kind).mkdir(parents=True)
                for region, number in tiles:
                    path = root / split / kind / f'{region}{number}.tif'
                    path.write_bytes(content)
    return root


def tiles(dataset):
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info['region'], info['tile']) for info in infos]


def test_validation_is_the_first_five_tiles_of_every_region(root):
    for split in ('train', 'test'):  # data_root may be the parent
        (root.parent / 'WHU' / split).mkdir(parents=True)
    dataset = build('val', root.parent)
    assert tiles(dataset) == VAL
    info = dataset.get_data_info(0)
    assert info['img_path'] == str(root / 'train/images/austin1.tif')
    assert info['seg_map_path'] == str(root / 'train/gt/austin1.tif')
    assert tiles(build('train', root)) == TRAIN
    assert tiles(build('train+val', root)) == TRAIN + VAL
    dataset = build('test', root)
    assert tiles(dataset) == TEST
    assert 'seg_map_path' not in dataset.get_data_info(0)


def test_regions_choose(root):
    dataset = build('val', root, regions=['tyrol-w', 'austin'])
    assert {region for region, _ in tiles(dataset)} == {'austin', 'tyrol-w'}
    for path in root.glob('train/*/kitsap[1-5].tif'):
        path.unlink()
    for split, regions, said in (
        ('val', ['paris'], "austin, chicago.*'paris'"),
        ('test', ['austin'], 'bellingham'),
        ('val', [], 'must be some of'),
        ('val', ['austin', 'kitsap'], 'has no tile of kitsap in'),
    ):
        with pytest.raises(ValueError, match=said):
            build(split, root, regions=regions)


def test_says_what_is_missing_where_it_is_used(root):
    (root / 'train' / 'gt' / 'vienna3.tif').unlink()
    with pytest.raises(DatasetError, match='vienna3.tif: image without a'):
        build('val', root)
    assert len(build('train', root)) == 15
