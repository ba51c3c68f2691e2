import warnings

import numpy as np
import pytest
import rasterio
from mmengine.registry import init_default_scope
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_cube.datasets import LoadBuildingMask

EXPECTED = np.array([[0, 1, 0], [1, 1, 0]], np.uint8)


def load(path, **extra):
    results = dict(seg_map_path=str(path), seg_fields=[], **extra)
    return LoadBuildingMask().transform(results)


def save(path, array):
    Image.fromarray(array).save(path)
    return path


def save_tiff(path, values, **options):
    values = values if values.ndim == 3 else values[None]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with rasterio.open(
            path,
            'w',
            driver='GTiff',
            count=len(values),
            height=values.shape[1],
            width=values.shape[2],
            dtype=values.dtype,
            **options,
        ) as file:
            file.write(values)
    return path


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.TIFF'])
@pytest.mark.parametrize('top', [1, 255])
@pytest.mark.parametrize('bands', [1, 3])
def test_reads_the_contract(tmp_path, suffix, top, bands):
    stored = EXPECTED * top
    if bands == 3:
        stored = np.stack([stored] * 3, -1)
    results = load(save(tmp_path / f'a{suffix}', stored))
    mask = results['gt_seg_map']
    assert mask.dtype == np.uint8
    assert mask.flags.c_contiguous
    np.testing.assert_array_equal(mask, EXPECTED)
    assert results['seg_fields'] == ['gt_seg_map']


@pytest.mark.parametrize(('value', 'label'), [(0, 0), (1, 1), (255, 1)])
@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_reads_masks_of_a_single_value(tmp_path, value, label, suffix):
    stored = np.full((4, 5), value, np.uint8)
    mask = load(save(tmp_path / f'a{suffix}', stored))['gt_seg_map']
    np.testing.assert_array_equal(mask, np.full((4, 5), label))


def test_reads_one_bit_files(tmp_path):
    Image.fromarray(EXPECTED * 255).convert('1').save(tmp_path / 'a.png')
    fax = dict(nbits=1, compress='CCITTFAX4')
    save_tiff(tmp_path / 'b.tif', EXPECTED, **fax)
    for path in (tmp_path / 'a.png', tmp_path / 'b.tif'):
        np.testing.assert_array_equal(load(path)['gt_seg_map'], EXPECTED)


@pytest.mark.parametrize('order', [[0, 255], [255, 0]])
def test_follows_a_black_and_white_palette(tmp_path, order):
    indices = EXPECTED if order[0] == 0 else 1 - EXPECTED
    image = Image.new('P', (3, 2))
    image.putpalette([value for value in order for _ in range(3)])
    image.putdata(indices.ravel().tolist())
    image.save(tmp_path / 'a.png')
    colours = {i: (v, v, v, 255) for i, v in enumerate(order)}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        save_tiff(tmp_path / 'b.tif', indices, photometric='palette')
        with rasterio.open(tmp_path / 'b.tif', 'r+') as file:
            file.write_colormap(1, colours)
    for name in ('a.png', 'b.tif'):
        mask = load(tmp_path / name)['gt_seg_map']
        np.testing.assert_array_equal(mask, EXPECTED)


def test_uses_indices_of_a_coloured_palette(tmp_path):
    image = Image.new('P', (3, 2))
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.putdata(EXPECTED.ravel().tolist())
    image.save(tmp_path / 'a.png')
    mask = load(tmp_path / 'a.png')['gt_seg_map']
    np.testing.assert_array_equal(mask, EXPECTED)


@pytest.mark.parametrize(
    ('stored', 'found'),
    [
        ([[0, 1, 255]], 'values 0, 1, 255'),
        ([[0, 128]], 'values 0, 128'),
        ([[7, 7]], 'values 7'),
        ([list(range(20))], 'values 0, 1, 2, 3, 4, 5, 6, 7 and 12 more'),
        ([[[0, 0, 255], [0, 0, 0]]], 'three bands that differ'),
        ([[[255, 255, 255, 255]]], '4 bands'),
    ],
)
def test_refuses_other_masks(tmp_path, stored, found):
    path = save(tmp_path / 'bad.png', np.array(stored, np.uint8))
    with pytest.raises(ValueError, match=rf'bad\.png: .*{found}.*255'):
        load(path)


def test_refuses_floats_and_inverted_tiffs(tmp_path):
    path = save_tiff(tmp_path / 'a.tif', EXPECTED.astype(np.float32))
    with pytest.raises(ValueError, match='float32'):
        load(path)
    path = save_tiff(tmp_path / 'b.tif', EXPECTED, photometric='miniswhite')
    with pytest.raises(ValueError, match='white-is-zero'):
        load(path)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_refuses_broken_and_missing_files(tmp_path, suffix, capfd):
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 2, (64, 64)).astype(np.uint8)
    path = save(tmp_path / f'a{suffix}', stored)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(ValueError, match=f'a{suffix}: .*cut short'):
        load(path)
    with pytest.raises(ValueError, match='No such file'):
        load(tmp_path / f'b{suffix}')
    assert capfd.readouterr() == ('', '')


def test_refuses_samples_that_it_would_spoil(tmp_path):
    path = save(tmp_path / 'a.png', EXPECTED)
    with pytest.raises(ValueError, match='reduce_zero_label'):
        load(path, reduce_zero_label=True)
    with pytest.raises(ValueError, match='x.tif: this split has no masks'):
        LoadBuildingMask().transform(dict(img_path='x.tif'))


def test_applies_a_label_map(tmp_path):
    path = save(tmp_path / 'a.png', EXPECTED)
    mask = load(path, label_map={0: 1, 1: 0})['gt_seg_map']
    np.testing.assert_array_equal(mask, 1 - EXPECTED)
    assert mask.dtype == np.uint8


def test_reads_through_a_file_backend(tmp_path):
    transform = TRANSFORMS.build(
        dict(type='LoadBuildingMask', backend_args=dict(backend='local'))
    )
    assert repr(transform) == (
        "LoadBuildingMask(backend_args={'backend': 'local'})"
    )
    for name in ('a.png', 'a.tif'):
        path = save(tmp_path / name, EXPECTED * 255)
        results = transform(dict(seg_map_path=str(path), seg_fields=[]))
        np.testing.assert_array_equal(results['gt_seg_map'], EXPECTED)


def test_works_in_test_time_augmentation(tmp_path):
    init_default_scope('mmseg')
    image = save(tmp_path / 'i.png', np.zeros((2, 3, 3), np.uint8))
    path = save(tmp_path / 'm.png', EXPECTED * 255)
    pipeline = TRANSFORMS.build(
        dict(
            type='TestTimeAug',
            transforms=[
                [
                    dict(type='RandomFlip', prob=p, direction='horizontal')
                    for p in (0.0, 1.0)
                ],
                [dict(type='LoadBuildingMask')],
                [dict(type='PackSegInputs')],
            ],
        )
    )
    results = TRANSFORMS.build(dict(type='LoadImageFromFile'))(
        dict(img_path=str(image), seg_map_path=str(path), seg_fields=[])
    )
    samples = pipeline(results)['data_samples']
    assert [sample.flip for sample in samples] == [False, True]
    for sample in samples:
        np.testing.assert_array_equal(sample.gt_sem_seg.data[0], EXPECTED)
