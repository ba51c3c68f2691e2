from functools import partial

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_cube.datasets import DatasetError, WHUBuildingDataset, file_facts

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(WHUBuildingDataset, serialize_data=False)

SPLITS = ('train', 'val', 'test')


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(
        file_facts, 'cache_folder', lambda: tmp_path / 'memory'
    )


def write(folder, name, array):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(folder / name)


def make(root, images='image', masks='label', suffixes=('.png', '.png')):
    """Write three tiles per split; numbers start anew in every split."""
    image = np.full((8, 6, 3), 90, np.uint8)
    mask = np.zeros((8, 6), np.uint8)
    mask[2:4] = 255
    for split in SPLITS:
        for stem in ('2', '10', '9'):
            write(root / split / images, stem + suffixes[0], image)
            write(root / split / masks, stem + suffixes[1], mask)
    return root


def stems(dataset):
    paths = (dataset.get_data_info(i)['img_path'] for i in range(len(dataset)))
    return [path.rsplit('/', 1)[1].split('.')[0] for path in paths]


@pytest.mark.parametrize(
    ('images', 'masks', 'suffixes'),
    [
        ('image', 'label', ('.tif', '.tif')),
        ('Image', 'Mask', ('.PNG', '.tiff')),
        ('images', 'labels', ('.jpg', '.png')),
        ('images', 'masks', ('.JPEG', '.TIF')),
        ('pictures', 'Labels', None),
    ],
)
def test_reads_every_known_layout(tmp_path, images, masks, suffixes):
    if suffixes is None:
        make(tmp_path, images, masks)
        with pytest.raises(DatasetError, match='train/pictures'):
            build('val', tmp_path)
        return
    make(tmp_path, images, masks, suffixes)
    dataset = build('val', tmp_path)
    assert stems(dataset) == ['2', '9', '10']
    info = dataset.get_data_info(0)
    assert info['img_path'] == str(
        tmp_path / 'val' / images / f'2{suffixes[0]}'
    )
    assert info['seg_map_path'] == str(
        tmp_path / 'val' / masks / f'2{suffixes[1]}'
    )
    assert info['label_map'] is None
    assert info['reduce_zero_label'] is False
    assert info['seg_fields'] == []


def test_joins_train_and_val(tmp_path):
    dataset = build('train+val', make(tmp_path))
    assert stems(dataset) == ['2', '9', '10'] * 2
    assert dataset.metainfo['classes'] == ('background', 'building')
    assert len(dataset.metainfo['palette']) == 2


def test_finds_the_unpacked_folder_in_data_root(tmp_path):
    name = '3. The cropped image tiles and raster labels'
    make(tmp_path / name)
    (tmp_path / '1. The whole image').mkdir()
    assert len(build('train', tmp_path)) == 3
    make(tmp_path / 'WHU again')
    with pytest.raises(DatasetError, match='several datasets.*WHU again'):
        build('train', tmp_path)


def test_works_in_a_registry_pipeline(tmp_path):
    init_default_scope('mmseg')
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadBuildingMask'),
        dict(type='PackSegInputs'),
    ]
    dataset = DATASETS.build(
        dict(
            type='WHUBuildingDataset',
            data_root=str(make(tmp_path)),
            split='test',
            pipeline=pipeline,
            test_mode=True,
        )
    )
    sample = dataset[0]['data_samples']
    assert sample.gt_sem_seg.data.shape == (1, 8, 6)
    assert sample.gt_sem_seg.data.unique().tolist() == [0, 1]
    assert sample.gt_sem_seg.data.sum() == 12


def test_takes_what_the_base_class_takes(tmp_path):
    root = make(tmp_path)
    (root / 'mine.txt').write_text('9\n\n10.png\n')
    assert stems(build('train', root, ann_file='mine.txt')) == [
        '9',
        '10',
    ]
    assert stems(build('train', root, indices=1)) == ['2']
    (root / 'train' / 'image' / '9.png').rename(root / '9.png')
    (root / 'train' / 'label' / '9.png').unlink()
    both = build('train+val', root, ann_file='mine.txt')
    assert stems(both) == ['10', '9', '10']
    (root / 'mine.txt').write_text('9\n')
    assert stems(build('train+val', root, ann_file='mine.txt')) == ['9']
    (root / 'mine.txt').write_text('\n')
    with pytest.raises(DatasetError, match="no image for split 'train'"):
        build('train', root, ann_file='mine.txt')
    (root / 'mine.txt').write_text('9\n11')
    with pytest.raises(DatasetError, match='11: listed in'):
        build('train', root, ann_file='mine.txt')
    with pytest.raises(DatasetError, match='no list of stems at .*other'):
        build('train', root, ann_file='other.txt')
    prefix = dict(img_path='test/image')
    dataset = build('test', root, prefix)
    assert len(dataset) == 3
    assert 'seg_map_path' not in dataset.get_data_info(0)
    with pytest.raises(DatasetError, match='no folder .*nowhere'):
        build('test', root, dict(img_path='test/nowhere'))


def test_refuses_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="train, val.*not 'valid'"):
        build('valid', tmp_path)
    with pytest.raises(ValueError, match='reduce_zero_label must be False'):
        build('val', tmp_path, reduce_zero_label=True)
    for classes in (
        ('building',),
        ('a', 'b', 'c'),
        ('building', 'background'),
    ):
        with pytest.raises(ValueError, match=f'metainfo gives {len(classes)}'):
            build('val', tmp_path, metainfo=dict(classes=classes))
    with pytest.raises(DatasetError, match='neither data_root nor'):
        build('val')
