import os

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_cube.datasets import LoadBuildingMask, LoadRasterWindow
from mmseg_cube.datasets.transforms import use_one_reader

SHAPE = (40, 60)
NOISE = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
BINARY = NOISE[0] // 128
CORE = 10, 12, 15, 14
WINDOW, INSIDE = (7, 11, 30, 20), np.s_[11:31, 7:37]
load = LoadRasterWindow()


@pytest.fixture
def sample(tmp_path, write):
    init_default_scope('mmseg')
    return dict(
        img_path=write(tmp_path / 'image.tif', NOISE),
        seg_map_path=write(tmp_path / 'mask.tif', BINARY * 255),
        seg_fields=[],
    )


def complaint(transform, sample, name, capfd):
    with pytest.raises(ValueError, match='.') as caught:
        transform(dict(sample))
    text = str(caught.value)
    assert text.count(f'{sample[name]}: ') == 1
    assert text.startswith(f'{sample[name]}: ')
    assert capfd.readouterr() == ('', '')
    return text


def test_mask_of_a_sample(sample):
    loaded = LoadBuildingMask()(dict(sample))
    np.testing.assert_array_equal(loaded['gt_seg_map'], BINARY)
    assert loaded['seg_fields'] == ['gt_seg_map']
    loaded = LoadBuildingMask()(dict(sample, label_map={0: 1, 1: 0}))
    np.testing.assert_array_equal(loaded['gt_seg_map'], 1 - BINARY)
    assert loaded['gt_seg_map'].dtype == np.uint8
    with pytest.raises(ValueError, match='reduce_zero_label'):
        LoadBuildingMask()(dict(sample, reduce_zero_label=True))
    assert LoadBuildingMask()(dict(img_path='x')) == dict(img_path='x')


def test_mask_through_a_file_backend(tmp_path, write):
    backend = dict(backend='local')
    transform = TRANSFORMS.build(
        dict(type='LoadBuildingMask', backend_args=backend)
    )
    assert repr(transform) == f'LoadBuildingMask(backend_args={backend})'
    for name in ('a.png', 'a.tif'):
        path = write(tmp_path / name, BINARY * 255)
        results = transform(dict(seg_map_path=path, seg_fields=[]))
        np.testing.assert_array_equal(results['gt_seg_map'], BINARY)


@pytest.mark.parametrize('loader', ['LoadBuildingMask', 'LoadAnnotations'])
def test_mask_in_test_time_augmentation(sample, loader):
    pipeline = TRANSFORMS.build(
        dict(
            type='TestTimeAug',
            transforms=[
                [
                    dict(type='RandomFlip', prob=p, direction='horizontal')
                    for p in (0.0, 1.0)
                ],
                [dict(type=loader)],
                [dict(type='PackSegInputs')],
            ],
        )
    )
    use_one_reader([pipeline])
    samples = pipeline(LoadImageFromFile()(sample))['data_samples']
    assert [sample.flip for sample in samples] == [False, True]
    for sample in samples:
        np.testing.assert_array_equal(sample.gt_sem_seg.data[0], BINARY)


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


@pytest.mark.parametrize('loader', [LoadBuildingMask, LoadAnnotations])
def test_datasets_read_by_the_reader_that_checks(sample, write, loader):
    # OpenCV gives the first band three times.
    write(sample['img_path'], NOISE, photometric='minisblack', compress='lzw')
    steps = [LoadImageFromFile(to_float32=True), loader()]
    use_one_reader(steps)
    for step in steps:
        sample = step(sample)
    assert sample['img'].dtype == np.float32
    np.testing.assert_array_equal(sample['img'], load(sample)['img'])
    np.testing.assert_array_equal(sample['img'][..., 2], NOISE[0])
    np.testing.assert_array_equal(sample['gt_seg_map'], BINARY)
    assert sample['seg_fields'] == ['gt_seg_map']


@pytest.mark.parametrize(
    ('loader', 'option'),
    [
        (LoadImageFromFile, dict(color_type='unchanged')),
        (LoadImageFromFile, dict(imdecode_backend='tifffile')),
        (LoadImageFromFile, dict(ignore_empty=True)),
        (LoadImageFromFile, dict(backend_args=dict(backend='petrel'))),
        (LoadAnnotations, dict(reduce_zero_label=True)),
    ],
)
def test_options_that_another_reader_cannot_honour(loader, option):
    (name,) = option
    with pytest.raises(ValueError, match=f'{loader.__name__}: {name}='):
        use_one_reader([loader(**option)])
    use_one_reader([loader(backend_args=dict(backend='local'))])


def test_pixels_without_data_do_not_count(sample, write):
    values = NOISE.copy()
    values[:, 15:, 20:] = 0
    write(sample['img_path'], values, nodata=0)
    expected = np.where(values.any(0), BINARY, 255)
    for steps in ([load], [LoadRasterWindow(False), LoadBuildingMask()]):
        for window, core in ((None, None), (WINDOW, WINDOW), (WINDOW, CORE)):
            loaded = dict(sample, seg_fields=[], window=window, core=core)
            for step in steps:
                loaded = step(loaded)
            labels = np.full(SHAPE, 255)
            x, y, width, height = core or (0, 0, 60, 40)
            part = np.s_[y : y + height, x : x + width]
            labels[part] = expected[part]
            np.testing.assert_array_equal(
                loaded['gt_seg_map'], labels[INSIDE] if window else labels
            )


def test_window_and_its_core(sample):
    image = NOISE[::-1].transpose(1, 2, 0)[INSIDE]
    loaded = load(dict(sample, window=WINDOW))
    np.testing.assert_array_equal(loaded['img'], image)
    np.testing.assert_array_equal(loaded['gt_seg_map'], BINARY[INSIDE])
    assert loaded['img_shape'] == loaded['ori_shape'] == (20, 30)
    assert loaded['raster_shape'] == SHAPE
    loaded = load(dict(sample, window=WINDOW, core=(10, 12, 5, 4)))
    mask = loaded['gt_seg_map']
    np.testing.assert_array_equal(mask[1:5, 3:8], BINARY[12:16, 10:15])
    assert (mask == 255).sum() == 30 * 20 - 5 * 4
    np.testing.assert_array_equal(loaded['img'], image)
    del sample['seg_map_path'], sample['seg_fields'][:]
    loaded = load(dict(sample, window=WINDOW, core=(0, 0, 9, 9)))
    np.testing.assert_array_equal(loaded['img'], image)
    assert 'gt_seg_map' not in loaded and loaded['seg_fields'] == []


def test_draws_windows_by_the_seed(sample):
    def draw(seed, times=60):
        np.random.seed(seed)
        results = [load(dict(sample, window_size=32)) for _ in range(times)]
        for each in results:
            left, top, width, height = each['window']
            assert (width, height) == each['img_shape'] == (32, 32)
            part = np.s_[top : top + 32, left : left + 32]
            np.testing.assert_array_equal(each['gt_seg_map'], BINARY[part])
            np.testing.assert_array_equal(each['img'][..., 2], NOISE[0][part])
        return [each['window'] for each in results]

    windows = draw(0)
    assert draw(0, 3) == windows[:3] != draw(1, 3)
    # From the first to the last place on both axes.
    assert {window.y for window in windows} >= {0, 8}
    assert len({window.x for window in windows}) > 15


@pytest.mark.parametrize('name', ['img_path', 'seg_map_path'])
def test_names_the_file_at_fault_and_stays_quiet(sample, name, capfd):
    os.truncate(sample[name], 900)
    assert 'damaged or cut short' in complaint(load, sample, name, capfd)
    if name == 'seg_map_path':
        mask = LoadBuildingMask()
        assert 'cut short' in complaint(mask, sample, name, capfd)


def test_names_files_that_do_not_fit(sample, write, capfd):
    text = complaint(load, dict(sample, window_size=41), 'img_path', capfd)
    assert 'has 60 x 40 pixels, less than a window of 41' in text
    assert 'Set window_size to 40 or less' in text
    paths = sample['img_path'], sample['seg_map_path']
    swapped = dict(sample, img_path=paths[1], seg_map_path=paths[0])
    text = complaint(load, swapped, 'img_path', capfd)
    assert 'image and mask look swapped' in text
    write(sample['seg_map_path'], BINARY[:-1])
    text = complaint(load, sample, 'seg_map_path', capfd)
    assert 'mask is 60 x 39 pixels, its image is 60 x 40' in text
