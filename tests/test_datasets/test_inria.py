"""The tiles of Inria: folders, splits and regions."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope

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
    assert tiles(build('val', root)) == VAL
    assert tiles(build('train', root)) == TRAIN
    assert tiles(build('train+val', root)) == TRAIN + VAL
    dataset = build('test', root)
    assert tiles(dataset) == TEST
    assert 'seg_map_path' not in dataset.get_data_info(0)


def test_data_root_may_be_the_parent(root):
    other = root.parent / 'WHU'
    for split in ('train', 'test'):
        (other / split).mkdir(parents=True)
    info = build('val', root.parent).get_data_info(0)
    assert info['img_path'] == str(root / 'train/images/austin1.tif')
    assert info['seg_map_path'] == str(root / 'train/gt/austin1.tif')


def test_regions_choose(root):
    dataset = build('val', root, regions=['tyrol-w', 'austin'])
    assert {region for region, _ in tiles(dataset)} == {'austin', 'tyrol-w'}
    for split, regions, said in (
        ('val', ['paris'], "austin, chicago.*'paris'"),
        ('test', ['austin'], 'bellingham'),
        ('val', [], 'must be some of'),
    ):
        with pytest.raises(ValueError, match=said):
            build(split, root, regions=regions)


def test_says_what_is_missing(root):
    (root / 'train' / 'gt' / 'vienna3.tif').unlink()
    with pytest.raises(DatasetError, match='vienna3.tif: image without a'):
        build('val', root)
    assert len(build('train', root)) == 15
    (root / 'train' / 'images' / 'austin1_0_512.tif').write_bytes(b'')
    with pytest.raises(DatasetError, match="'austin1_0_512' is not the name"):
        build('val', root)


def test_checks_and_loads_geotiffs_without_noise(root, capfd):
    init_default_scope('mmseg')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadBuildingMask')]
    dataset = build('val', root, pipeline=pipeline)
    sample = dataset[7]
    assert sample['img'].shape == (6, 6, 3)
    assert sample['gt_seg_map'].sum() == 12
    assert 'TIFF' not in ''.join(capfd.readouterr())
