import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets import DatasetError, WHUBuildingDataset
from mmseg_cube.datasets.conversion import convert_whu

NAME = '3. The cropped aerial image tiles and raster labels'


def three_bands(mask):
    return np.stack([mask * 255] * 3)


@pytest.mark.parametrize(
    ('folders', 'suffixes', 'encode'),
    [
        (('image', 'label'), ('.tif', '.tif'), lambda m: m * 255),
        (
            ('Image', 'Mask'),
            ('.PNG', '.tiff'),
            lambda m: np.stack([m * 255] * 3),
        ),
        (('images', 'labels'), ('.tif', '.png'), lambda m: m),
    ],
)
@pytest.mark.parametrize('packed', [False, True])
def test_every_mirror_gives_the_same_tiles(
    tmp_path, make_splits, pack, patches, folders, suffixes, encode, packed
):
    raw = make_splits(
        tmp_path / 'raw' / NAME,
        folders=folders,
        suffixes=suffixes,
        encode=encode,
    )
    plain = make_splits(tmp_path / 'plain')
    source = pack(raw, tmp_path / 'WHU.zip') if packed else tmp_path / 'raw'
    result = convert_whu(source, tmp_path / 'out', workers=1)
    assert result.tiles == dict(train=3, val=3, test=3)
    found, expected = patches(tmp_path / 'out'), patches(plain)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    dataset = WHUBuildingDataset(
        'train', tmp_path / 'out', serialize_data=False
    )
    assert len(dataset) == 3


def test_sample_city(sample_city, tmp_path, patches):
    convert_whu(sample_city['whu'], tmp_path / 'out', workers=2)
    found = patches(tmp_path / 'out')
    expected = patches(sample_city['whu'])
    assert len(expected) == 16
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_jpeg_images_as_training_reads_them(tmp_path, make_splits, patches):
    raw = make_splits(tmp_path / 'raw', suffixes=('.jpg', '.png'))
    convert_whu(raw, tmp_path / 'out', 'tif', workers=1)
    for name, values in patches(raw).items():
        np.testing.assert_array_equal(patches(tmp_path / 'out')[name], values)


def test_satellite_set_two(tmp_path, make_splits):
    splits = ('train', 'train_no', 'test', 'test_no')
    raw = make_splits(tmp_path / 'raw', splits)
    result = convert_whu(raw, tmp_path / 'out', workers=1)
    assert result.tiles == dict(train=6, test=6)
    stems = {p.stem for p in (tmp_path / 'out/train/label').iterdir()}
    assert stems == {'2', '9', '10', 'no_2', 'no_9', 'no_10'}


def test_test_split_without_labels(tmp_path, make_splits):
    raw = make_splits(tmp_path / 'raw')
    (raw / 'test' / 'label').rename(tmp_path / 'away')
    result = convert_whu(raw, tmp_path / 'out', workers=1)
    assert result.tiles['test'] == 3
    assert not (tmp_path / 'out' / 'test' / 'label').exists()
    (raw / 'val' / 'label').rename(tmp_path / 'away too')
    with pytest.raises(DatasetError, match="'val' has images, but no masks"):
        convert_whu(raw, tmp_path / 'out', workers=1)


def test_sources_that_hold_no_dataset(tmp_path, make_splits, pack):
    def refused(source, match):
        with pytest.raises(DatasetError, match=match):
            convert_whu(source, tmp_path / 'out', workers=1)
        assert not (tmp_path / 'out').exists()

    refused(tmp_path / 'nowhere', 'does not exist')
    part = tmp_path / 'WHU.7z.001'
    part.write_bytes(b'7z')
    refused(part, 'run "7z x"')
    half = tmp_path / 'half.zip'
    raw = make_splits(tmp_path / 'raw')
    data = pack(raw, half).read_bytes()
    half.write_bytes(data[: len(data) // 2])
    refused(half, 'not a zip archive or only part of one')
    box = tmp_path / 'box'
    box.mkdir()
    pack(raw, box / 'inner.zip')
    refused(box, 'Next: unpack inner.zip')
    refused(raw / 'train', 'no images of this dataset.*image, label')
    make_splits(tmp_path / 'two' / 'a')
    make_splits(tmp_path / 'two' / 'b')
    refused(tmp_path / 'two', "several datasets: 'a', 'b'")
    make_splits(tmp_path / 'twice', ('val', 'validation'))
    result = convert_whu(tmp_path / 'twice', tmp_path / 'out', workers=1)
    assert len(result.faults) == 6
    assert '2 images with one stem (2.png, 2.png)' in result.faults[0]


def test_nothing_is_read_that_is_hidden(tmp_path, make_splits):
    raw = make_splits(tmp_path / 'raw')
    Image.new('RGB', (4, 4)).save(raw / 'train' / 'image' / '._2.png')
    (raw / 'train' / 'image' / 'Thumbs.db').write_bytes(b'')
    make_splits(raw / '__MACOSX')
    result = convert_whu(raw, tmp_path / 'out', workers=1)
    assert result.tiles == dict(train=3, val=3, test=3)
    assert not result.faults
