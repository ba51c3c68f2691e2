from pathlib import Path

import numpy as np
import pytest
import rasterio
from mmcv.transforms import LoadImageFromFile
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_cube.datasets import LoadBuildingMask, LoadRasterWindow

SHAPE = (40, 60)
NOISE = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
MASK = NOISE[:1] // 128 * 255
load = LoadRasterWindow()


def write(path, values, **options):
    profile = dict(
        count=len(values),
        height=values.shape[1],
        width=values.shape[2],
        dtype=values.dtype,
        crs='EPSG:26914',
        transform=rasterio.Affine.scale(0.3),
    )
    with rasterio.open(path, 'w', 'GTiff', **profile, **options) as file:
        file.write(values)
    return str(path)


@pytest.fixture
def sample(tmp_path):
    return dict(
        img_path=write(tmp_path / 'image.tif', NOISE),
        seg_map_path=write(tmp_path / 'mask.tif', MASK),
        seg_fields=[],
    )


def complaint(sample, name):
    with pytest.raises(ValueError, match='.') as caught:
        load(dict(sample))
    text = str(caught.value)
    assert text.startswith(sample[name])
    assert text.count(f'{sample[name]}: ') == 1
    return text


def test_whole_raster_is_what_the_loaders_give_that_it_replaces(sample):
    loaded = load(dict(sample))
    expected = LoadBuildingMask()(LoadImageFromFile()(dict(sample)))
    assert loaded['img'].flags.c_contiguous
    for key in ('img', 'gt_seg_map'):
        assert loaded[key].dtype == expected[key].dtype == np.uint8
        np.testing.assert_array_equal(loaded[key], expected[key])
    for key in ('img_shape', 'ori_shape', 'seg_fields'):
        assert loaded[key] == expected[key]
    assert loaded['window'] == (0, 0, 60, 40)
    assert loaded['raster_shape'] == SHAPE


def test_window_is_a_slice(sample):
    loaded = load(dict(sample, window=(7, 11, 30, 20)))
    image = NOISE[::-1, 11:31, 7:37].transpose(1, 2, 0)
    np.testing.assert_array_equal(loaded['img'], image)
    mask = MASK[0, 11:31, 7:37] == 255
    np.testing.assert_array_equal(loaded['gt_seg_map'], mask)
    assert loaded['img_shape'] == loaded['ori_shape'] == (20, 30)
    assert loaded['raster_shape'] == SHAPE


def test_only_the_core_counts(sample):
    loaded = load(dict(sample, window=(7, 11, 30, 20), core=(10, 12, 5, 4)))
    mask = loaded['gt_seg_map']
    expected = MASK[0, 12:16, 10:15] == 255
    np.testing.assert_array_equal(mask[1:5, 3:8], expected)
    assert (mask == 255).sum() == 30 * 20 - 5 * 4
    np.testing.assert_array_equal(
        loaded['img'], NOISE[::-1, 11:31, 7:37].transpose(1, 2, 0)
    )


def test_beyond_the_edges_image_and_mask_are_reflected(sample):
    loaded = load(dict(sample, window=(-9, -5, 80, 50)))
    pad = ((5, 5), (9, 11))
    mask = np.pad(MASK[0] == 255, pad, 'reflect')
    np.testing.assert_array_equal(loaded['gt_seg_map'], mask)
    blue = np.pad(NOISE[2], pad, 'reflect')
    np.testing.assert_array_equal(loaded['img'][..., 0], blue)


def test_draws_windows_by_the_seed(sample):
    # Pixels that say where they are.
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.uint8)
    write(sample['img_path'], np.stack([x, y, 0 * x]))
    write(sample['seg_map_path'], (x + y)[None] % 2)

    def draw(seed, times=60):
        np.random.seed(seed)
        results = [load(dict(sample, window_size=32)) for _ in range(times)]
        for each in results:
            left, top, width, height = each['window']
            assert (width, height) == each['img_shape'] == (32, 32)
            assert tuple(each['img'][0, 0, ::-1]) == (left, top, 0)
            assert tuple(each['img'][-1, -1, ::-1]) == (left + 31, top + 31, 0)
            assert each['gt_seg_map'][0, 0] == (left + top) % 2
        return [each['window'] for each in results]

    windows = draw(0)
    assert draw(0, 3) == windows[:3] != draw(1, 3)
    # From the first to the last place on both axes.
    assert {window.y for window in windows} >= {0, 8}
    assert len({window.x for window in windows}) > 15


def test_without_mask(sample):
    del sample['seg_map_path']
    loaded = load(dict(sample, window=(0, 0, 20, 20), core=(0, 0, 9, 9)))
    assert loaded['img'].shape == (20, 20, 3)
    assert 'gt_seg_map' not in loaded and loaded['seg_fields'] == []


def test_is_registered():
    built = TRANSFORMS.build(dict(type='LoadRasterWindow'))
    assert repr(built) == 'LoadRasterWindow()'


@pytest.mark.parametrize(
    ('values', 'found'),
    [
        (NOISE[:1], 'image has 1 band(s) of uint8, not 8-bit RGB'),
        (np.tile(NOISE[:1], (4, 1, 1)), 'image has 4 band(s) of uint8'),
        (NOISE.astype(np.uint16), 'image has 3 band(s) of uint16'),
        (NOISE.astype(np.float32), 'image has 3 band(s) of float32'),
    ],
)
def test_refuses_images_that_are_not_rgb(sample, values, found):
    write(sample['img_path'], values)
    text = complaint(sample, 'img_path')
    assert found in text and 'gdal_translate' in text


@pytest.mark.parametrize(
    ('values', 'options', 'found'),
    [
        (NOISE[:1], {}, 'mask holds the values 0, 1, 2'),
        (MASK // 255 * 7, {}, 'mask holds the values 0, 7'),
        (NOISE, {}, 'mask has three bands that differ'),
        (MASK.repeat(2, 0), {}, 'mask has 2 bands'),
        (MASK.astype(np.float32), {}, 'mask holds float32 values'),
        (MASK, dict(photometric='miniswhite'), 'white-is-zero'),
        (MASK[:, :-1], {}, 'mask is 60 x 39 pixels, its image is 60 x 40'),
    ],
)
def test_refuses_masks_outside_the_contract(sample, values, options, found):
    write(sample['seg_map_path'], values, **options)
    assert found in complaint(sample, 'seg_map_path')


def test_refuses_masks_with_a_palette(sample):
    image = Image.fromarray(MASK[0] // 255).convert('P')
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(sample['seg_map_path'])
    assert 'mask has a palette' in complaint(sample, 'seg_map_path')


def test_names_swapped_files(sample):
    paths = sample['img_path'], sample['seg_map_path']
    sample['seg_map_path'], sample['img_path'] = paths
    assert 'image and mask look swapped' in complaint(sample, 'img_path')


@pytest.mark.parametrize('name', ['img_path', 'seg_map_path'])
@pytest.mark.parametrize('share', [0.6, 0.01, 0.0])
@pytest.mark.parametrize('options', [{}, dict(compress='lzw')])
def test_names_damaged_files_and_stays_quiet(
    sample, name, share, options, capfd
):
    path = sample[name]
    write(path, NOISE if name == 'img_path' else MASK, **options)
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: int(share * len(data))])
    text = complaint(sample, name)
    assert 'missing, damaged or cut short' in text
    assert 'Copy or download it again' in text
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('name', ['img_path', 'seg_map_path'])
def test_names_missing_files(sample, name):
    sample[name] = sample[name].replace('.tif', '_gone.tif')
    assert 'No such file' in complaint(sample, name)


def test_names_rasters_smaller_than_the_window(sample):
    sample['window_size'] = 41
    text = complaint(sample, 'img_path')
    assert 'has 60 x 40 pixels, less than a window of 41' in text
    assert 'window_size to 40 or less' in text
