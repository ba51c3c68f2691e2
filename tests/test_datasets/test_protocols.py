"""Which windows of Inria's tiles become samples, and what they count."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from mmseg_cube.datasets import DatasetError, InriaDataset, masks
from mmseg_cube.datasets.inria_tiles import built_patches
from mmseg_cube.datasets.windows import cut_grid, cut_tiles
from mmseg_cube.evaluation import BuildingMetric
from mmseg_cube.evaluation.sample import Sample

SIZE = 16
SHAPE = (50, 70)
VAL, TRAIN = ('austin1', 'austin2', 'vienna1'), ('austin6', 'vienna7')
PIPELINE = [dict(type='LoadImageFromFile'), dict(type='LoadBuildingMask')]
build = partial(
    InriaDataset, window_size=SIZE, serialize_data=False, pipeline=PIPELINE
)


@pytest.fixture
def city(tmp_path, write):
    """Root, and masks (H, W) of 0 / 1 by tile."""
    init_default_scope('mmseg')
    generator = np.random.default_rng(0)
    root, masks = tmp_path / 'AerialImageDataset', {}
    for name in VAL + TRAIN:
        image = generator.integers(0, 256, (3, *SHAPE), np.uint8)
        mask = np.zeros(SHAPE, np.uint8)
        for y, x in generator.integers(0, SHAPE, (3, 2)):
            mask[y : y + 9, x : x + 12] = 1
        write(root / 'train' / 'images' / f'{name}.tif', image)
        write(root / 'train' / 'gt' / f'{name}.tif', mask * 255)
        masks[name] = mask
    write(root / 'test' / 'images' / 'sfo1.tif', image)
    return root, masks


def tile_of(sample):
    return f'{sample["region"]}{sample["tile"]}'


def evaluate(dataset, predict):
    """Scores of predictions (H, W), one for each tile, on the windows."""
    metric = BuildingMetric(group_by='([a-z-]+)')
    metric.dataset_meta = dataset.metainfo
    for sample in dataset:
        x, y, width, height = sample['window']
        pred = predict(tile_of(sample))[y : y + height, x : x + width]
        truth = sample['gt_seg_map']
        result = dict(
            img_path=sample['img_path'],
            pred_sem_seg=dict(data=torch.tensor(pred[None])),
            gt_sem_seg=dict(data=torch.tensor(truth[None])),
        )
        metric.process(None, [result])
    return metric.evaluate(len(dataset))


@pytest.mark.parametrize('size', [16, 25, 50])
def test_full_counts_every_pixel_once(city, size):
    root, masks = city
    generator = np.random.default_rng(1)
    coin = {n: generator.integers(0, 2, SHAPE, np.uint8) for n in masks}
    dataset = build('val', root, window_size=size)
    assert len(dataset) == 3 * len(cut_grid(*SHAPE, size)) > 3
    scores = evaluate(dataset, coin.get)
    whole = build('val', root, window_size=size, windows='whole')
    assert scores == evaluate(whole, coin.get)
    # And both are what plain counting gives.
    pred = np.stack([coin[name] for name in VAL])
    truth = np.stack([masks[name] for name in VAL])
    for name, part in (('', slice(None)), ('_vienna', slice(-1, None))):
        both, either = pred[part] & truth[part], pred[part] | truth[part]
        iou = pytest.approx(100 * both.sum() / either.sum())
        assert scores[f'building/IoU{name}'] == iou
    right = pytest.approx(100 * (pred == truth).mean())
    assert scores['building/Accuracy'] == right


def slow_patches(mask, size):
    """Corners of the patches that BuildFormer keeps, the plain way."""
    height, width = mask.shape
    top, left = (-height % size) // 2, (-width % size) // 2
    bottom, right = (-height % size) - top, (-width % size) - left
    padded = np.pad(mask, ((top, bottom), (left, right)), 'reflect')
    return [
        (x - left, y - top)
        for y in range(0, padded.shape[0], size)
        for x in range(0, padded.shape[1], size)
        if padded[y : y + size, x : x + size].mean() > 0.05
    ]


@pytest.mark.parametrize(
    ('split', 'size'),
    [('train', 16), ('val', 16), ('val', 32), ('train+val', 32)],
)
def test_buildformer_keeps_what_a_slow_reference_keeps(city, split, size):
    root, masks = city
    dataset = build(split, root, protocol='buildformer', window_size=size)
    names = {'train': TRAIN, 'val': VAL, 'train+val': TRAIN + VAL}[split]
    assert [(tile_of(s), *s['window'][:2]) for s in dataset] == [
        (name, *corner)
        for name in names
        for corner in slow_patches(masks[name], size)
    ]
    cut = len(cut_tiles(*SHAPE, size, padded=True))
    assert 0 < len(dataset) < cut * len(names)
    for sample in dataset:
        assert sample['img_shape'] == (size, size)
        # The padding is part of a patch, in image and mask alike.
        assert 255 not in sample['gt_seg_map']
        assert sample['gt_seg_map'].mean() > 0.05
        # Nor does its edge cut a building for boundaries and objects.
        Sample(sample).check_uncut('buildformer')


def test_five_percent_is_not_more_than_five_percent():
    mask = np.zeros((20, 40), np.uint8)
    mask[0, :20] = 1  # 20 of 400 pixels
    mask[0:1, 20:] = mask[1, 20:21] = 1  # 21
    assert built_patches(mask, 20) == [(20, 0, 20, 20)]


def test_windows_of_training(city):
    for split, options, kind in (
        ('train', {}, 'random'),
        ('train+val', {}, 'random'),
        ('val', {}, 'grid'),
        ('train+val', dict(test_mode=True), 'grid'),
        ('train', dict(protocol='buildformer'), 'grid'),
    ):
        assert build(split, city[0], **options).windows == kind
    dataset = build('train', city[0])
    number = len(cut_grid(*SHAPE, SIZE))  # as many as cover a tile
    assert len(dataset) == 2 * number
    samples = [dataset[index] for index in (0, 0, number - 1, number)]
    assert [tile_of(s) for s in samples] == ['austin6'] * 3 + ['vienna7']
    assert len({sample['window'] for sample in samples}) > 1
    assert {sample['img'].shape for sample in samples} == {(SIZE, SIZE, 3)}


def test_workers_read_what_the_main_process_reads(city):
    dataset = build('val', city[0], protocol='buildformer')
    # Files that are open here when the workers are started.
    expected = [sample['img'] for sample in dataset]
    options = dict(batch_size=None, collate_fn=lambda x: x)
    loader = DataLoader(dataset, num_workers=2, **options)
    for sample, image in zip(loader, expected, strict=True):
        np.testing.assert_array_equal(sample['img'], image)


def test_test_tiles_have_windows_without_masks(city):
    root, _ = city
    with pytest.raises(DatasetError, match="split 'test' has no masks"):
        build('test', root)
    dataset = build('test', root, test_mode=True)
    assert dataset.windows == 'grid'
    assert len(dataset) == len(cut_grid(*SHAPE, SIZE))
    assert 'gt_seg_map' not in dataset[0]
    with pytest.raises(ValueError, match='has no masks. Use protocol="full"'):
        build('test', root, protocol='buildformer')


@pytest.mark.parametrize(
    ('kwargs', 'said'),
    [
        (dict(protocol='half'), "'full', 'buildformer'.* got 'half'"),
        (dict(windows='some'), "one of .'random', .* got 'some'"),
        (dict(protocol='buildformer', windows='whole'), "not 'whole'"),
        (dict(protocol='buildformer', windows='random'), "not 'random'"),
        (dict(window_size=0), 'window_size must be a whole number .* got 0'),
        (dict(window_size=64.0), 'window_size must be a whole .* got 64.0'),
        (dict(window_size=51), '70 x 50 pixels, less than a window of 51'),
        (dict(windows='grid', window_size=51), 'Set window_size to 50 or le'),
    ],
)
def test_wrong_arguments(city, kwargs, said):
    with pytest.raises(ValueError, match=said):
        build('train', city[0], **kwargs)


def test_a_second_start_reads_no_mask_that_has_not_changed(
    city, monkeypatch, write
):
    root, _ = city
    read, read_values = [], masks.read_values

    def spy(path, window=None):
        if not window:  # a whole mask, not that of a sample
            read.append(Path(path).name)
        return read_values(path, window)

    def start(**kwargs):
        read.clear()
        dataset = build('val', root, protocol='buildformer', **kwargs)
        return [(tile_of(s), s['window']) for s in dataset], sorted(read)

    monkeypatch.setattr(masks, 'read_values', spy)
    files = [f'{name}.tif' for name in VAL]
    # Each mask is read for its content, and then for its patches.
    first, read_first = start()
    assert read_first == sorted(2 * files)
    assert start() == (first, [])
    write(root / 'train/gt/austin2.tif', np.zeros(SHAPE, np.uint8))
    less, again = start()
    assert {name for name, _ in less} == {'austin1', 'vienna1'}
    assert again == ['austin2.tif'] * 2
    # Patches of another size are other patches.
    assert start(window_size=20)[1] == files


@pytest.mark.parametrize('protocol', ['full', 'buildformer'])
def test_faults_are_found_when_the_dataset_is_built(
    city, protocol, capfd, write
):
    def refused(*said):
        with pytest.raises(DatasetError) as caught:
            build('val', city[0], protocol=protocol)
        assert all(text in str(caught.value) for text in said)

    folder = city[0] / 'train'
    image = (folder / 'images' / 'austin1.tif').read_bytes()
    write(folder / 'images' / 'austin1.tif', np.zeros((3, *SHAPE), np.uint16))
    write(folder / 'gt' / 'austin2.tif', np.zeros((50, 69), np.uint8))
    mask = folder / 'gt' / 'vienna1.tif'
    mask.write_bytes(mask.read_bytes()[:100])
    refused(
        '3 of 3 samples',
        'images/austin1.tif: image has 3 band(s) of uint16',
        'mask is 69 x 50 pixels, its image is 70 x 50',
        'gt/vienna1.tif: cannot be read',
    )
    # So are exchanged folders.
    (folder / 'images' / 'austin1.tif').write_bytes(image)
    for name in VAL[1:]:
        write(folder / 'gt' / f'{name}.tif', city[1][name] * 255)
    for old, new in (('gt', 'x'), ('images', 'gt'), ('x', 'images')):
        (folder / old).rename(folder / new)
    refused('3 of 3 samples', 'look swapped: the im')
    assert capfd.readouterr() == ('', '')
