"""Folders, splits and arguments of the datasets of tiles."""

from functools import partial

import pytest

from mmseg_cube.datasets import DatasetError, WBDDataset, WHUBuildingDataset

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(WHUBuildingDataset, serialize_data=False)


def stems(dataset):
    paths = (dataset.get_data_info(i)['img_path'] for i in range(len(dataset)))
    return [path.rsplit('/', 1)[1].split('.')[0] for path in paths]


def test_joins_train_and_val(tmp_path, make_splits):
    dataset = WBDDataset(
        'train+val', make_splits(tmp_path), serialize_data=False
    )
    assert stems(dataset) == ['2', '9', '10'] * 2
    info, val = dataset.get_data_info(3), tmp_path / 'val'
    assert info['img_path'] == str(val / 'image' / '2.png')
    assert info['seg_map_path'] == str(val / 'label' / '2.png')
    assert dataset.metainfo['classes'] == ('background', 'building')
    assert len(dataset.metainfo['palette']) == 2


def test_a_list_of_stems_chooses(tmp_path, make_splits):
    root = make_splits(tmp_path)
    mine = root / 'mine.txt'
    mine.write_text('9\n10.png\n')
    chosen = partial(build, data_root=root, ann_file='mine.txt')
    assert stems(chosen('train')) == ['9', '10']
    assert stems(build('train', root, indices=1)) == ['2']
    (root / 'train' / 'image' / '9.png').unlink()
    (root / 'train' / 'label' / '9.png').unlink()
    assert stems(chosen('train+val')) == ['10', '9', '10']
    mine.write_text('9\n')
    assert stems(chosen('train+val')) == ['9']
    for text, said in (
        (b'\n', "no image for split 'train'"),
        ('\ufeff9\n11'.encode(), '11: listed in'),
    ):
        mine.write_bytes(text)
        with pytest.raises(DatasetError, match=said):
            chosen('train')


def test_other_folders(tmp_path, make_splits):
    root = make_splits(tmp_path)
    for more in (dict(), dict(seg_map_path=None)):
        dataset = build('test', root, dict(img_path='test/image', **more))
        assert stems(dataset) == ['2', '9', '10']
        assert 'seg_map_path' not in dataset.get_data_info(0)
    prefix = dict(img_path='val/image', seg_map_path='test/label')
    info = build('train+val', root, prefix).get_data_info(0)
    assert info['img_path'] == str(root / 'val/image/2.png')
    assert info['seg_map_path'] == str(root / 'test/label/2.png')
    (root / 'test' / 'label' / '9.png').unlink()
    with pytest.raises(DatasetError, match='1 fault.*\n.*without a mask'):
        build('train+val', root, prefix)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(split='valid'), "train, val.*not 'valid'"),
        (dict(reduce_zero_label=True), 'reduce_zero_label must be False'),
        (dict(metainfo=dict(classes=['building'])), 'metainfo gives 1'),
        (dict(metainfo=dict(classes='abc')), 'metainfo gives 3'),
        (dict(metainfo=dict(classes=['building', 'background'])), 'gives 2'),
        (dict(data_root=None), 'neither data_root nor'),
        (dict(data_root=''), 'neither data_root nor'),
        (dict(data_root='.'), 'its folders are: .*train/pictures'),
        (dict(data_root='nowhere'), 'nowhere; it is empty or missing'),
        (dict(data_root='val/x.png'), 'give a folder; unpack an archive'),
        (dict(data_root=['a', 'b']), 'data_root must be one path'),
        (dict(ann_file=5), 'ann_file must be one path'),
        (dict(ann_file='other.txt'), 'no list of stems at .*other'),
        (dict(data_prefix='val'), "data_prefix must be .* not 'val'"),
        (dict(data_prefix=dict(img_path=('a',))), 'img_path must be one path'),
        (dict(data_prefix=dict(img_path='x')), 'folder not found: .*x'),
        (dict(data_prefix=dict(img_path='val', mask='x')), "no key 'mask'"),
        (dict(data_prefix=dict(seg_map_path='val')), 'lacks img_path'),
        (dict(mask_pattern='mask'), "{} once.* not 'mask'"),
        (dict(img_pattern=3), '{} once.* not 3'),
        (dict(fractions=dict(train=0.5)), 'shares of val .*, above 0'),
        (dict(fractions=dict(val=0)), "shares of val .* not {'val': 0}"),
        (dict(fractions=dict(val='8')), "not {'val': '8'}"),
        (dict(fractions=dict(val=0.5, fit=0.5)), "not {'val': 0.5, 'fit'"),
        (dict(fractions=dict(val=0.9, train=0.2)), 'at most 1 together'),
        (dict(fractions=0.8), 'not 0.8'),
        (dict(fractions=dict(val=0.8)), 'divide the folders of data_prefix'),
    ],
)
def test_refuses_wrong_arguments(tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / 'val/x.png', tmp_path / 'train/pictures/x.png'):
        path.parent.mkdir(parents=True)
        path.touch()
    with pytest.raises(ValueError, match=said):
        build(**(dict(split='val', data_root=tmp_path) | options))
