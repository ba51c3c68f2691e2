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
    )


@pytest.fixture
def refused(capfd):
    """Whether only the file at fault is named, quietly, and what is said."""

    def refused(sample, name, said, transform=load):
        with pytest.raises(ValueError, match=said) as caught:
            transform(dict(sample))
        start, *rest = str(caught.value).split(f'{sample[name]}: ')
        assert start == '' and len(rest) == 1
        assert capfd.readouterr() == ('', '')

    return refused


@pytest.mark.parametrize('backend', [None, dict(backend='local')])
@pytest.mark.parametrize('name', ['a.png', 'a.tif'])
def test_mask_of_a_sample(tmp_path, write, backend, name):
    path = write(tmp_path / name, BINARY * 255)
    step = dict(type='LoadBuildingMask', backend_args=backend)
    step = TRANSFORMS.build(step)
    assert repr(step) == f'LoadBuildingMask(backend_args={backend})'
    loaded = step(dict(seg_map_path=path))
    np.testing.assert_array_equal(loaded['gt_seg_map'], BINARY)
    assert loaded['seg_fields'] == ['gt_seg_map']
    assert step(loaded) is loaded
    loaded = step(dict(seg_map_path=path, label_map={0: 1, 1: 0}))
    np.testing.assert_array_equal(loaded['gt_seg_map'], 1 - BINARY)
    assert step(dict(img_path='x')) == dict(img_path='x')


@pytest.mark.parametrize('loader', ['LoadBuildingMask', 'LoadAnnotations'])
def test_mask_in_test_time_augmentation(sample, loader):
    flip = dict(type='RandomFlip', direction='horizontal')
    flips = [dict(flip, prob=0.0), dict(flip, prob=1.0)]
    steps = [flips, [dict(type=loader)], [dict(type='PackSegInputs')]]
    pipeline = TRANSFORMS.build(dict(type='TestTimeAug', transforms=steps))
    use_one_reader([pipeline])
    samples = pipeline(LoadImageFromFile()(sample))['data_samples']
    assert [sample.flip for sample in samples] == [False, True]
    for sample in samples:
        np.testing.assert_array_equal(sample.gt_sem_seg.data[0], BINARY)


@pytest.mark.parametrize('loader', [LoadBuildingMask, LoadAnnotations])
def test_datasets_read_by_the_reader_that_checks(sample, write, loader):
    # OpenCV gives the first band three times.
    write(sample['img_path'], NOISE, photometric='minisblack', compress='lzw')
    steps = [LoadImageFromFile(to_float32=True), loader()]
    use_one_reader(steps)
    for step in steps:
        sample = step(sample)
    assert sample['img'].dtype == np.float32
    np.testing.assert_array_equal(
        sample['img'], NOISE[::-1].transpose(1, 2, 0)
    )
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


@pytest.mark.parametrize(
    'steps', [[load], [LoadRasterWindow(False), LoadBuildingMask()]]
)
@pytest.mark.parametrize(
    ('window', 'core'),
    [(None, None), (WINDOW, None), (WINDOW, WINDOW), (WINDOW, CORE)],
)
def test_what_does_not_count(sample, write, steps, window, core):
    values = NOISE.copy()
    values[:, 15:, 20:] = 0
    write(sample['img_path'], values, nodata=0)
    inside = INSIDE if window else np.s_[:, :]
    loaded = dict(sample, window=window, core=core)
    for step in steps:
        loaded = step(loaded)
    x, y, width, height = core or (0, 0, 60, 40)
    part = np.s_[y : y + height, x : x + width]
    labels = np.full(SHAPE, 255)
    labels[part] = np.where(values.any(0), BINARY, 255)[part]
    np.testing.assert_array_equal(loaded['gt_seg_map'], labels[inside])
    image = values[::-1].transpose(1, 2, 0)[inside]
    np.testing.assert_array_equal(loaded['img'], image)
    for key in ('img', 'gt_seg_map'):
        assert loaded[key].dtype == np.uint8
        assert loaded[key].flags.c_contiguous
    assert loaded['img_shape'] == loaded['ori_shape'] == image.shape[:2]
    assert loaded['window'] == (window or (0, 0, 60, 40))
    assert loaded['raster_shape'] == SHAPE


def test_window_without_a_mask(sample):
    del sample['seg_map_path']
    loaded = load(dict(sample, window=WINDOW, core=CORE))
    assert loaded['img'].shape == (20, 30, 3)
    assert not {'gt_seg_map', 'seg_fields'} & set(loaded)


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


def test_files_that_do_not_fit_are_named(sample, write, refused):
    said = (
        'has 60 x 40 pixels, less than a window of 41. Set window_size to 40'
    )
    refused(dict(sample, window_size=41), 'img_path', said)
    write(sample['seg_map_path'], BINARY[:-1])
    said = 'mask is 60 x 39 pixels, its image is 60 x 40'
    refused(sample, 'seg_map_path', said)
