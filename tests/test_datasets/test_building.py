"""Folders, splits and arguments of the datasets of tiles."""

from functools import partial

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_cube.datasets import DatasetError, WBDDataset, WHUBuildingDataset

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(WHUBuildingDataset, serialize_data=False)

SPLITS = ('train', 'val', 'test')
IMAGE = np.full((3, 8, 6), 90, np.uint8)
MASK = np.zeros((8, 6), np.uint8)
MASK[2:4] = 255


@pytest.fixture
def make(write):
    """Write three tiles per split; numbers start anew in every split."""

    def make(
        root,
        images='image',
        masks='label',
        suffixes=('.png', '.png'),
        splits=SPLITS,
        stems=(2, 10, 9),
    ):
        for split in splits:
            for stem in stems:
                write(root / split / images / f'{stem}{suffixes[0]}', IMAGE)
                write(root / split / masks / f'{stem}{suffixes[1]}', MASK)
        return root

    return make


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
    ],
)
def test_reads_every_known_layout(tmp_path, make, images, masks, suffixes):
    make(tmp_path, images, masks, suffixes)
    dataset = build('val', tmp_path)
    assert stems(dataset) == ['2', '9', '10']
    info = dataset.get_data_info(0)
    folder = tmp_path / 'val'
    assert info['img_path'] == str(folder / images / f'2{suffixes[0]}')
    assert info['seg_map_path'] == str(folder / masks / f'2{suffixes[1]}')
    assert info['label_map'] is None
    assert info['reduce_zero_label'] is False
    assert info['seg_fields'] == []


@pytest.mark.parametrize('val', ['val', 'validation', 'Validation'])
def test_lists_integer_stems_in_numerical_order(tmp_path, make, val):
    make(tmp_path, splits=[val], stems=(1, 10, 100, 2, 21, 9))
    dataset = WBDDataset('val', tmp_path, serialize_data=False)
    assert stems(dataset) == ['1', '2', '9', '10', '21', '100']


def test_unknown_folders(tmp_path, make):
    make(tmp_path, 'pictures')
    with pytest.raises(
        DatasetError, match='its folders are: .*train/pictures'
    ):
        build('val', tmp_path)
    with pytest.raises(DatasetError, match='nowhere; it is empty or missing'):
        build('val', tmp_path / 'nowhere')


def test_joins_train_and_val(tmp_path, make):
    dataset = build('train+val', make(tmp_path))
    assert stems(dataset) == ['2', '9', '10'] * 2
    assert dataset.metainfo['classes'] == ('background', 'building')
    assert len(dataset.metainfo['palette']) == 2


def test_finds_the_unpacked_folder_in_data_root(tmp_path, make):
    make(tmp_path / '3. The cropped image tiles and raster labels')
    (tmp_path / '1. The whole image').mkdir()
    assert len(build('train', tmp_path)) == 3
    # Half of a dataset does not hide a whole one, and two are too many.
    make(tmp_path / 'a half', splits=['train'])
    assert '/3. The' in build('train', tmp_path).get_data_info(0)['img_path']
    make(tmp_path / 'WHU again')
    with pytest.raises(DatasetError, match='several datasets.*WHU again'):
        build('train', tmp_path)


def test_works_in_a_registry_pipeline(tmp_path, make):
    init_default_scope('mmseg')
    steps = 'LoadImageFromFile', 'LoadBuildingMask', 'PackSegInputs'
    cfg = dict(
        type='WHUBuildingDataset',
        data_root=str(make(tmp_path)),
        split='test',
        pipeline=[dict(type=step) for step in steps],
        test_mode=True,
    )
    dataset = DATASETS.build(cfg)
    sample = dataset[0]['data_samples']
    assert sample.gt_sem_seg.data.shape == (1, 8, 6)
    assert sample.gt_sem_seg.data.unique().tolist() == [0, 1]
    assert sample.gt_sem_seg.data.sum() == 12


def test_a_list_of_stems_chooses(tmp_path, make):
    root = make(tmp_path)
    (root / 'mine.txt').write_text('9\n\n10.png\n')
    chosen = partial(build, data_root=root, ann_file='mine.txt')
    assert stems(chosen('train')) == ['9', '10']
    assert stems(build('train', root, indices=1)) == ['2']
    (root / 'train' / 'image' / '9.png').unlink()
    (root / 'train' / 'label' / '9.png').unlink()
    assert stems(chosen('train+val')) == ['10', '9', '10']
    (root / 'mine.txt').write_text('9\n')
    assert stems(chosen('train+val')) == ['9']
    (root / 'mine.txt').write_text('\n')
    with pytest.raises(DatasetError, match="no image for split 'train'"):
        chosen('train')
    (root / 'mine.txt').write_text('9\n11')
    with pytest.raises(DatasetError, match='11: listed in'):
        chosen('train')
    with pytest.raises(DatasetError, match='no list of stems at .*other'):
        build('train', root, ann_file='other.txt')


def test_other_folders(tmp_path, make):
    root = make(tmp_path)
    dataset = build('test', root, dict(img_path='test/image'))
    assert stems(dataset) == ['2', '9', '10']
    assert 'seg_map_path' not in dataset.get_data_info(0)
    prefix = dict(img_path='val/image', seg_map_path='test/label')
    info = build('train+val', root, prefix).get_data_info(0)
    assert info['img_path'] == str(root / 'val/image/2.png')
    assert info['seg_map_path'] == str(root / 'test/label/2.png')
    (root / 'test' / 'label' / '9.png').unlink()
    with pytest.raises(DatasetError, match='1 fault.*\n.*without a mask'):
        build('train+val', root, prefix)
    with pytest.raises(DatasetError, match='no folder .*nowhere'):
        build('test', root, dict(img_path='test/nowhere'))


def test_refuses_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="train, val.*not 'valid'"):
        build('valid', tmp_path)
    with pytest.raises(ValueError, match='reduce_zero_label must be False'):
        build('val', tmp_path, reduce_zero_label=True)
    for classes in (['building'], 'abc', ['building', 'background']):
        with pytest.raises(ValueError, match=f'metainfo gives {len(classes)}'):
            build('val', tmp_path, metainfo=dict(classes=classes))
    with pytest.raises(DatasetError, match='neither data_root nor'):
        build('val')
