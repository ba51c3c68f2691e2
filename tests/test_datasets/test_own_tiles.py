"""Tiles of any names, in any folders, divided in any way."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmseg_cube.datasets import BuildingDataset, DatasetError
from mmseg_cube.datasets.splits import divide

build = partial(BuildingDataset, serialize_data=False)
NOISE = np.random.default_rng(0).integers(0, 256, (3, 16, 16), np.uint8)
BINARY = np.zeros((16, 16), np.uint8)
BINARY[2:6, 3:9] = 255
FOLDERS = dict(img_path='images', seg_map_path='masks')
THIRDS = dict(train=0.6, val=0.2, test=0.2)


@pytest.fixture
def make(tmp_path, write):
    """Write tiles by the names of their images and masks, {} the number."""

    def make(image='images/{}.png', mask='masks/{}.png', tiles=range(1, 11)):
        for number in tiles:
            write(tmp_path / image.format(number), NOISE)
            write(tmp_path / mask.format(number), BINARY)
        return partial(build, data_root=tmp_path, data_prefix=FOLDERS)

    return make


def pairs(dataset):
    """Names of images and masks."""
    infos = map(dataset.get_data_info, range(len(dataset)))
    keys = 'img_path', 'seg_map_path'
    return [tuple(Path(info[key]).name for key in keys) for info in infos]


ONE = dict(data_prefix=dict.fromkeys(FOLDERS, 'all'))  # folder of both


@pytest.mark.parametrize(
    ('image', 'mask', 'options'),
    [
        ('images/{}.jpg', 'masks/{}_mask.png', dict(mask_pattern='{}_mask')),
        ('images/img_{}.tif', 'masks/mask_{}.png',
         dict(img_pattern='img_{}', mask_pattern='mask_{}')),
        # As mmseg names what stands behind.
        ('images/{}_sat.jpg', 'masks/{}_mask.png',
         dict(img_suffix='_sat.jpg', seg_map_suffix='_mask.png')),
        ('all/{}.png', 'all/{}_mask.png', dict(ONE, mask_pattern='{}_mask')),
        ('all/{}.jpg', 'all/{}.png',
         dict(ONE, img_suffix='jpg', seg_map_suffix='.png')),
        ('train/image/{}.png', 'train/label/{}-gt.png',
         dict(mask_pattern='{}-gt', data_prefix=None)),
    ],
)  # fmt: skip
def test_names_that_differ(make, tmp_path, image, mask, options):
    make = make(image, mask)
    found = pairs(make(**options))
    assert found == [
        (Path(image.format(n)).name, Path(mask.format(n)).name)
        for n in range(1, 11)
    ]
    (tmp_path / 'mine.txt').write_text('2\n7\n3\n')
    some = pairs(make(ann_file='mine.txt', **options))
    assert some == [found[1], found[2], found[6]]


@pytest.mark.parametrize(
    ('image', 'mask', 'options', 'said'),
    [
        ('img_{}', 'mask_{}', {},
         "20 fault|img_1.png: image without a mask|mask_pattern='{}_mask'"),
        ('{}', '{}_m', dict(mask_pattern='{}_n'),
         "10 fault|masks/1_m.png: is not named '{}_n'"),
        ('{}', 'x', {}, '11 fault|1.png: image without a mask'),
    ],
)  # fmt: skip
def test_names_that_do_not_match(make, image, mask, options, said):
    make = make(f'images/{image}.png', f'masks/{mask}.png')
    with pytest.raises(ValueError) as caught:
        make(**options)
    for part in said.split('|'):
        assert part in str(caught.value)


def test_shares_of_a_folder(make):
    make = partial(make(), fractions=THIRDS)
    parts = {x: pairs(make(x)) for x in (*THIRDS, 'train+val')}
    assert [len(parts[x]) for x in THIRDS] == [6, 2, 2]
    assert len(set(sum(map(parts.get, THIRDS), []))) == 10
    assert sorted(parts['train+val']) == sorted(parts['train'] + parts['val'])
    assert make('val').source['part'] == '2 of 10 tiles, seed 0'
    assert pairs(make('train', seed=1)) != parts['train']
    assert len(make('train', fractions=dict(train=0.3))) == 3
    for split in ('train', 'val'):
        assert len(make(split, fractions=dict(val=0.01, train=0.01))) == 1


def test_shares_of_one_tile(make):
    with pytest.raises(DatasetError, match="no image for split '(train|val)'"):
        make(tiles=[1])('train+val', fractions=THIRDS)


def test_shares_of_many_names_come_close():
    names = ['no UTF-8: \udcff', *(f'tile_{i}' for i in range(999))]
    home = divide(names, THIRDS, 3)
    assert [list(home.values()).count(x) for x in THIRDS] == [600, 200, 200]
    turned = dict(reversed(THIRDS.items()))
    assert divide(names, turned, 3) == home != divide(names, THIRDS, 4)


def test_bands_reach_network_and_check(tmp_path, write):
    bands = np.random.default_rng(0).integers(0, 4000, (4, 16, 16), np.uint16)
    bands[:, :2] = 0
    init_default_scope('mmseg')
    for number in range(2):
        write(tmp_path / f'train/image/{number}.tif', bands, nodata=0)
        write(tmp_path / f'train/label/{number}.png', BINARY)
    own = dict(bands=(4, 3, 2, 1), scale=(0, 2047))

    def make(*steps, **options):
        steps = [x if isinstance(x, dict) else dict(type=x) for x in steps]
        return build(data_root=tmp_path, pipeline=steps, **options)

    loaders = 'LoadImageFromFile', 'LoadAnnotations'
    crop = dict(type='RandomCrop', crop_size=(16, 16))
    flip = dict(type='RandomFlip', prob=1.0)
    steps = dict(type='Resize', scale=(32, 32)), crop, flip, 'PackSegInputs'
    dataset = make(*loaders, *steps, **own)
    packed = dataset[0]
    assert packed['inputs'].shape == (4, 16, 16)
    assert packed['data_samples'].channels == dataset.channels
    seen = np.rint(bands[::-1].clip(0, 2047) * (255 / 2047))
    for more in (own, {}):  # in the loader, too, or in the dataset alone
        sample = make(dict(type='LoadRasterWindow', **more), **own)[0]
        image = sample['img'].transpose(2, 0, 1)
        np.testing.assert_array_equal(image, seen)
        assert (sample['gt_seg_map'][:2] == 255).all()
    other = dict(type='LoadRasterWindow', bands=1)
    for steps, options, said in (
        (['PhotoMetricDistortion'], own, 'make 4. Take it out'),
        ([other], own, 'Give them to the dataset'),
        # What passed by other bands has not passed for these.
        (
            [],
            {},
            r'0.tif: image has 4 band.*bands=\(R, G, B\) and scale=\(LOW',
        ),
        ([], dict(own, bands=5), r'0.tif: .*but bands=\(5,\) are'),
    ):
        with pytest.raises(ValueError, match=said):
            make(*steps, **options)
