from functools import partial

import cv2
import numpy as np
import pytest
import rasterio
from mmengine.registry import init_default_scope
from rasterio import Affine

from mmseg_cube.datasets import DatasetError, InriaDataset, file_facts
from mmseg_cube.datasets.inria_tiles import TEST_REGIONS, TRAINING_REGIONS

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(InriaDataset, windows='whole', serialize_data=False)


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(
        file_facts, 'cache_folder', lambda: tmp_path / 'memory'
    )


def write_tile(path, bands, size=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((bands, size, size), np.uint8)
    values[:, 1:3] = 255
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        width=size,
        height=size,
        count=bands,
        dtype='uint8',
        crs='EPSG:26914',
        transform=Affine(0.3, 0, 616500, 0, -0.3, 3345000),
        compress='lzw',
    ) as file:
        file.write(values)


@pytest.fixture
def root(tmp_path):
    """Eight tiles of each training region and three of each other region."""
    root = tmp_path / 'AerialImageDataset'
    for region in TRAINING_REGIONS:
        for number in (*range(1, 7), 10, 36):
            name = f'{region}{number}.tif'
            write_tile(root / 'train' / 'images' / name, 3)
            write_tile(root / 'train' / 'gt' / name, 1)
    for region in TEST_REGIONS:
        for number in (1, 2, 36):
            write_tile(root / 'test' / 'images' / f'{region}{number}.tif', 3)
    return root


def tiles(dataset):
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info['region'], info['tile']) for info in infos]


def test_validation_is_the_first_five_tiles_of_every_region(root):
    val = tiles(build('val', root))
    train = tiles(build('train', root))
    assert val == [(r, n) for r in TRAINING_REGIONS for n in range(1, 6)]
    assert train == [(r, n) for r in TRAINING_REGIONS for n in (6, 10, 36)]
    assert tiles(build('train+val', root)) == train + val


def test_test_split_has_no_masks(root):
    dataset = build('test', root)
    assert tiles(dataset) == [(r, n) for r in TEST_REGIONS for n in (1, 2, 36)]
    assert 'seg_map_path' not in dataset.get_data_info(0)


def test_data_root_may_be_the_parent(root):
    other = root.parent / 'WHU'
    for split in ('train', 'test'):
        (other / split).mkdir(parents=True)
    dataset = build('val', root.parent)
    assert dataset.get_data_info(0)['img_path'] == str(
        root / 'train' / 'images' / 'austin1.tif'
    )
    assert dataset.get_data_info(0)['seg_map_path'] == str(
        root / 'train' / 'gt' / 'austin1.tif'
    )


def test_regions_choose(root):
    dataset = build('val', root, regions=['tyrol-w', 'austin'])
    assert {region for region, _ in tiles(dataset)} == {'austin', 'tyrol-w'}
    with pytest.raises(ValueError, match=r"austin, chicago.*'paris'"):
        build('val', root, regions=['paris'])
    with pytest.raises(ValueError, match='bellingham'):
        build('test', root, regions=['austin'])
    with pytest.raises(ValueError, match='must be some of'):
        build('val', root, regions=[])


def test_says_what_is_missing(root, tmp_path):
    with pytest.raises(DatasetError, match='no images of this .*nowhere'):
        build('val', tmp_path / 'nowhere')
    (root / 'train' / 'gt' / 'vienna3.tif').unlink()
    with pytest.raises(DatasetError, match='vienna3.tif: image without a'):
        build('val', root)
    assert len(build('train', root)) == 15
    (root / 'train' / 'gt').rename(root / 'train' / 'masks')
    with pytest.raises(DatasetError, match="'val' has images, but no masks"):
        build('val', root)


def test_refuses_files_that_are_no_tiles(root):
    write_tile(root / 'train' / 'images' / 'austin1_0_512.tif', 3)
    with pytest.raises(DatasetError, match="'austin1_0_512' is not the name"):
        build('val', root)


def test_checks_and_loads_geotiffs_without_noise(root, capfd):
    init_default_scope('mmseg')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadBuildingMask')]
    dataset = build('val', root, pipeline=pipeline)
    sample = dataset[7]
    assert sample['img'].shape == (6, 6, 3)
    assert sample['gt_seg_map'].sum() == 12
    assert cv2.imread(sample['img_path']) is not None
    assert 'TIFF' not in ''.join(capfd.readouterr())
