"""What the values of masks mean, by all files of a dataset or as declared."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmseg_cube.datasets import BuildingDataset, DatasetError
from mmseg_cube.datasets.masks import count_values, read_mask
from mmseg_cube.datasets.meaning import code_of
from mmseg_cube.datasets.windows import Window

HOUSE = np.zeros((24, 24), np.uint8)
HOUSE[4:12, 5:15] = 1
LAND, ROOF = HOUSE * 0, HOUSE * 0 + 1
IMAGE = np.random.default_rng(0).integers(0, 256, (3, 24, 24), np.uint8)
BLACK, WHITE, RED, BROWN = [0] * 3, [255] * 3, [255, 0, 0], [222, 184, 135]
PIPELINE = [dict(type='LoadImageFromFile'), dict(type='LoadBuildingMask')]


def build(root, write, masks, **options):
    init_default_scope('mmseg')
    for name, mask in enumerate(masks):
        write(root / f'train/image/{name}.png', IMAGE)
        values, *palette = mask if isinstance(mask, tuple) else [mask]
        write(root / f'train/label/{name}.png', values, palette=palette)
    return BuildingDataset(
        'train', root, pipeline=PIPELINE, serialize_data=False, **options
    )


@pytest.mark.parametrize(
    ('masks', 'options', 'labels'),
    [
        ([HOUSE, LAND, ROOF], {}, [HOUSE, LAND, ROOF]),
        ([HOUSE * 255, LAND, ROOF * 255], {}, [HOUSE, LAND, ROOF]),
        ([LAND], {}, [LAND]),
        # What is not one convention has to be declared.
        ([HOUSE, HOUSE * 255], [1, 255], [HOUSE, HOUSE]),
        ([HOUSE + LAND + 127], 128, [HOUSE]),
        ([HOUSE + ROOF, LAND], 2, [HOUSE, LAND]),
        ([1 - HOUSE, ROOF], 0, [HOUSE, LAND]),
        ([1 - HOUSE], 1, [1 - HOUSE]),
        (
            [HOUSE, HOUSE * 255],
            dict(building_values=1, ignore_values=255),
            [HOUSE, HOUSE * 255],
        ),
        ([HOUSE, HOUSE * 7], dict(ignore_values=7), [HOUSE, HOUSE * 255]),
        ([np.uint16(HOUSE) * 300], 300, [HOUSE]),
        # An alpha band that is opaque says nothing.
        ([np.stack([HOUSE * 255] * 3 + [ROOF * 255])], {}, [HOUSE]),
        ([np.stack([HOUSE, ROOF * 255]), LAND], {}, [HOUSE, LAND]),
        ([np.stack([HOUSE * 255, LAND, LAND, ROOF * 255])], [RED], [HOUSE]),
        # Palettes: black and white are colours, of others the index counts.
        ([(LAND, WHITE, BROWN), (HOUSE, WHITE, BROWN)], {}, [LAND, HOUSE]),
        ([(LAND, WHITE, BROWN)], {}, [LAND]),
        ([(HOUSE, BLACK, RED), (LAND, BLACK)], {}, [HOUSE, LAND]),
        (
            [(1 - HOUSE, WHITE, BLACK), (HOUSE, BLACK, WHITE)],
            {},
            [HOUSE, HOUSE],
        ),
        (
            [(1 - HOUSE, RED, BLACK), (HOUSE, BLACK, RED)],
            [RED],
            [HOUSE, HOUSE],
        ),
        ([(HOUSE, BLACK, RED), (ROOF, WHITE, BROWN)], 1, [HOUSE, ROOF]),
        ([np.stack([HOUSE * 255, LAND, LAND])], [RED], [HOUSE]),
        ([(1 - HOUSE, WHITE, BLACK)], [WHITE], [HOUSE]),
    ],
)
def test_values_that_are_clear(tmp_path, write, masks, options, labels):
    if not isinstance(options, dict):
        options = dict(building_values=options)
    dataset = build(tmp_path, write, masks, **options)
    window = Window(3, 2, 16, 12)
    for sample, expected in zip(dataset, labels, strict=True):
        np.testing.assert_array_equal(sample['gt_seg_map'], expected)
        path = sample['seg_map_path']
        part = read_mask(path, window, dataset.meaning)
        np.testing.assert_array_equal(part, expected[2:14, 3:19])


@pytest.mark.parametrize(
    ('masks', 'options', 'said'),
    [
        (
            [HOUSE, HOUSE * 255],
            {},
            '1 is in 1 file .*255 in 1 file .*[1, 255]',
        ),
        ([HOUSE * 255, ROOF], {}, '1 is in 1 file'),
        ([HOUSE + 1, HOUSE], {}, 'mask holds the values 1, 2.*building_val'),
        ([HOUSE * 128], {}, 'mask holds the values 0, 128.*building_values'),
        ([1 - HOUSE] * 3, {}, '86.1% of the .*exchanged.*building_values=0'),
        ([255 - HOUSE * 255], {}, 'exchanged.*building_values=255'),
        ([ROOF, ROOF], {}, '100.0% .*exchanged'),
        ([IMAGE[0]], dict(building_values=255), 'mask holds 225 values'),
        ([HOUSE], dict(building_values=255), 'hold the values 0, 1: all of'),
        (
            [(HOUSE, BLACK, RED), (ROOF, WHITE, BROWN)],
            {},
            r'index 1 .*\(255, 0, 0\) in 1 file .*\(222, 184, 135\) in 1 file',
        ),
        ([(1 - HOUSE, BLACK, WHITE)], {}, 'exchanged'),
        ([np.stack([HOUSE * 255, LAND, LAND])], {}, r'0, \(255, 0, 0\)'),
    ],
)
def test_values_that_are_not_clear(tmp_path, write, masks, options, said):
    with pytest.raises(DatasetError, match=f'(?s){said}'):
        build(tmp_path, write, masks, **options)
    dataset = build(tmp_path, write, masks, verify=False, **options)
    assert len(dataset) == len(masks)


@pytest.mark.parametrize('size', [1, 400])
def test_pieces_that_touch_no_edge_are_counted(size):
    mask = np.zeros((9, 10), np.uint8)
    # One at each edge, one of 4 pixels around 1, one that meets a corner.
    mask[0, 2] = mask[3, 0] = mask[8, 6] = mask[7, 5] = mask[5, 9] = 7
    mask[3:6, 4:7] = 7
    mask[4, 5] = 0
    found = count_values(mask.repeat(size, 0).repeat(size, 1), {})
    assert [x.pixels // size**2 for x in found] == [77, 13]
    assert [x.inside // size**2 for x in found] == [1, 9]


def test_colours_are_told_though_nothing_has_them():
    found = count_values(HOUSE * 5, {0: BLACK, 1: RED, 2: BROWN})
    red = code_of(RED)
    assert found == [(0, 0, 496, 0), (1, red, 0, 0), (5, 0, 80, 80)]


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(building_values='1'), "building_values must be .* not '1'"),
        (dict(building_values=0.5), 'building_values must be .* not 0.5'),
        (dict(building_values=RED), r'names 0 twice; .* \[\[255, 0, 0\]\]'),
        (dict(ignore_values=[[1, 2]]), 'ignore_values must be a value'),
        (dict(building_values=1, ignore_values=[0, 1]), 'the same value'),
    ],
)
def test_wrong_declarations(tmp_path, write, options, said):
    with pytest.raises(ValueError, match=said):
        build(tmp_path, write, [HOUSE], **options)
