"""What masks mean is the same to dataset, converter and checker."""

import numpy as np
import pytest
import rasterio
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_cube.datasets import DatasetError, WHUBuildingDataset
from mmseg_cube.datasets.conversion.check import check_data

WHITE, RED = [255] * 3, [255, 0, 0]


def labels(root, **declared):
    init_default_scope('mmseg')
    pipeline = [dict(type='LoadRasterWindow')]
    options = dict(test_mode=True, serialize_data=False, **declared)
    dataset = WHUBuildingDataset('val', root, pipeline=pipeline, **options)
    return [sample['gt_seg_map'] for sample in dataset]


def plain(mask):
    return mask * 255


def invert(mask):
    return 255 - mask * 255


def doubt(mask):
    """Mark what is not known."""
    return np.where(np.arange(24)[:, None] > 20, 7, mask * 255).astype('u1')


def paint(root):
    """Give masks a palette, and one of them background only."""
    for path in root.glob('*/label/*'):
        image = Image.fromarray(np.asarray(Image.open(path)) // 255)
        image.putpalette(WHITE + RED)
        image.save(path)
    image.paste(0, (0, 0, *image.size))
    image.save(root / 'val' / 'label' / '9.png')


def hide(root):
    """Declare a corner of images to hold no data."""
    for path in root.glob('*/image/*'):
        with rasterio.open(path, 'r+') as file:
            file.write(np.zeros((3, 9, 9), np.uint8), window=((0, 9), (0, 9)))
            file.nodata = 0


@pytest.mark.parametrize(
    ('encode', 'change', 'declared', 'said'),
    [
        (plain, id, {}, None),
        (plain, paint, {}, None),
        (plain, paint, dict(building_values=[RED]), None),
        (plain, hide, {}, None),
        (invert, id, {}, 'buildings and background look exchanged'),
        (invert, id, dict(building_values=0), None),
        (plain, id, dict(building_values=9), 'all of it is one class'),
        (doubt, id, {}, 'mask holds the values 0, 7, 255'),
        (doubt, id, {}, 'Or name what they mean: building_values=...'),
        (doubt, id, dict(ignore_values=[7]), None),
    ],
)
def test_meaning_of_masks(
    tmp_path, make_splits, convert, encode, change, declared, said
):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    change(make_splits(raw, suffixes=('.tif', '.png'), encode=encode))
    checked = check_data(raw, 1, **declared)
    assert checked['fine'] == (said is None)
    if said:
        assert said in str(checked['findings'])
        with pytest.raises(DatasetError, match=said):
            labels(raw, **declared)
        try:
            faults = convert(raw, **declared).faults
        except DatasetError as error:
            faults = [error]
        assert said in str(faults)
        return
    result = convert(raw, **declared)
    ignores = dict(ignore_values=128) if result.notes else {}
    expected = labels(raw, **declared)
    np.testing.assert_array_equal(expected, labels(out, **ignores))
    assert bool(ignores) == (255 in np.unique(expected))
    assert check_data(out, 1, **ignores)['fine']
    assert convert(raw, **declared).written == 0


def test_masks_are_written_anew_once_they_mean_something_else(
    tmp_path, raw, convert
):
    for value in (255, 0):
        declared = dict(building_values=value)
        assert convert(raw, **declared).written == 9
        expected, found = (
            labels(raw, **declared),
            labels(tmp_path / 'out', verify=False),
        )
        np.testing.assert_array_equal(expected, found)
