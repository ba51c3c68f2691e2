import numpy as np
import pytest

from mmseg_cube.datasets import WHUBuildingDataset
from mmseg_cube.datasets.conversion import convert_wbd


@pytest.mark.parametrize(
    ('folders', 'suffixes', 'encode'),
    [
        (('image', 'label'), ('.tif', '.tif'), lambda m: m * 255),
        (('Image', 'Mask'), ('.PNG', '.tiff'), lambda m: [m * 255] * 3),
        (('images', 'labels'), ('.jpg', '.png'), lambda m: m),
    ],
)
def test_every_mirror_of_whu_gives_the_same_tiles(
    tmp_path, make_splits, convert, patches, folders, suffixes, encode
):
    source, out = tmp_path / 'raw', tmp_path / 'out'
    make_splits(
        source / '3. The cropped aerial image tiles and raster labels',
        folders=folders,
        suffixes=suffixes,
        encode=lambda mask: np.array(encode(mask)),
    )
    assert convert(source).tiles == dict(train=3, val=3, test=3)
    plain = make_splits(tmp_path / 'plain', suffixes=(suffixes[0], '.png'))
    np.testing.assert_equal(patches(out), patches(plain))
    assert len(WHUBuildingDataset('train', out, serialize_data=False)) == 3


def test_satellite_set_two_and_tiles_without_labels(
    tmp_path, make_splits, convert
):
    splits = ('train', 'train_no', 'test', 'test_no')
    raw = make_splits(tmp_path / 'raw', splits)
    for split in ('test', 'test_no'):
        (raw / split / 'label').rename(tmp_path / split)
    assert convert(raw).tiles == dict(train=6, test=6)
    stems = {p.stem for p in (tmp_path / 'out/train/label').iterdir()}
    assert stems == {'2', '9', '10', 'no_2', 'no_9', 'no_10'}
    assert not (tmp_path / 'out' / 'test' / 'label').exists()


def test_names_that_are_too_long_for_patches(tmp_path, make_splits):
    raw = make_splits(tmp_path / 'raw')
    for kind in ('image', 'label'):
        path = raw / 'train' / kind / '2.png'
        path.rename(path.with_stem('n' * 250))
    for written in (8 * 4, 0):
        result = convert_wbd(raw, tmp_path / 'out', 16, workers=1)
        assert result.written == written
        (fault,) = result.faults
        assert fault.endswith('its name is too long for patches; shorten it')


def test_orthophotos_are_cut_and_filled_up_with_black(
    tmp_path, make_splits, patches
):
    raw = make_splits(tmp_path / 'raw', shape=(50, 67))
    result = convert_wbd(raw, tmp_path / 'out', 32, workers=1)
    assert result.patches == dict(train=18, val=18, test=18)
    found = patches(tmp_path / 'out')
    for name, values in patches(raw).items():
        beyond = ((0, 14), (0, 29), (0, 0))[: values.ndim]
        padded = np.pad(values, beyond)
        for y in (0, 32):
            for x in (0, 32, 64):
                np.testing.assert_array_equal(
                    found[f'{name}_{y:05d}_{x:05d}'],
                    padded[y : y + 32, x : x + 32],
                )
    convert_wbd(raw, tmp_path / 'whole', 67, workers=1)
    np.testing.assert_equal(patches(tmp_path / 'whole'), patches(raw))
