import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_cube.analysis.learned.drawing import save_pages
from mmseg_cube.analysis.learned.masks import measure_mask
from mmseg_cube.analysis.learned.report import name_networks
from mmseg_cube.analysis.learned.tile_drawing import draw_errors, draw_masks
from mmseg_cube.analysis.learned.tiles import (
    Tile,
    Tiles,
    choose_tiles,
    iou_of,
    score_tile,
)
from mmseg_cube.evaluation.confusion import Confusion

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    dict(type='PackSegInputs'),
]


@pytest.fixture
def empty(tmp_path):
    """Config without anything."""
    init_default_scope('mmseg')
    path = tmp_path / 'config.py'
    path.write_text('')
    return Config.fromfile(path)


@pytest.fixture
def cfg(empty, tmp_path):
    """Config of five images, of which each pixel tells its place."""
    for folder in ('image', 'label'):
        (tmp_path / 'test' / folder).mkdir(parents=True)
    for i in range(5):
        image = np.zeros((6, 8, 3), np.uint8)
        image[..., 0], image[..., 1] = i, np.arange(8)
        label = np.zeros((6, 8), np.uint8)
        label[:i] = 255
        for folder, pixels in (('image', image), ('label', label)):
            Image.fromarray(pixels).save(
                tmp_path / 'test' / folder / f'town{i}.png'
            )
    empty.test_dataloader = dict(
        dataset=dict(
            type='WHUBuildingDataset',
            data_root=str(tmp_path),
            split='test',
            pipeline=PIPELINE,
            test_mode=True,
        )
    )
    return empty


def test_tiles_are_whole_images_with_their_truth(cfg):
    tiles = Tiles(cfg, 'test')
    assert list(tiles.paths) == [f'town{i}' for i in range(5)]
    tile = tiles.load('town3')
    # Red tells the image, green the column: RGB, rows first.
    assert tile.image.shape == (6, 8, 3)
    assert (tile.image[..., 0] == 3).all()
    assert (tile.image[2, :, 1] == np.arange(8)).all()
    assert (tile.truth[:3] == 1).all() and (tile.truth[3:] == 0).all()


def test_tiles_are_found_by_name_file_and_path(cfg, tmp_path):
    tiles = Tiles(cfg, 'test')
    path = tmp_path / 'test' / 'image' / '..' / 'image' / 'town2.png'
    wanted = ['town4', 'town1.png', str(path)]
    assert [tiles.find(text) for text in wanted] == [
        ['town4'],
        ['town1'],
        ['town2'],
    ]
    with pytest.raises(ValueError, match="no image 'village'; it has 5: town"):
        tiles.find('village')


def test_windows_of_one_raster_have_names_of_their_own(empty, sample_city):
    keys = ('img_path', 'ori_shape', 'img_shape', 'window', 'core')
    empty.val_dataloader = dict(
        dataset=dict(
            type='InriaDataset',
            data_root=str(sample_city['inria']),
            regions=('austin',),
            split='val',
            windows='grid',
            window_size=128,
            stride=100,
            test_mode=True,
            pipeline=[
                dict(type='LoadRasterWindow'),
                dict(type='PackSegInputs', meta_keys=keys),
            ],
        )
    )
    tiles = Tiles(empty, 'val')
    found = tiles.find('austin1')
    assert found[:2] == ['austin1_0_0', 'austin1_0_100']
    assert all(name.startswith('austin1_') for name in found)
    tile = tiles.load('austin1_0_100')
    assert tile.image.shape == (128, 128, 3)
    # What the neighbour scores is not scored here.
    assert (tile.truth[:, 0] == 255).all()
    assert not (tile.truth[60, 60:64] == 255).any()


def test_faults_of_the_data_are_said(cfg, monkeypatch):
    with pytest.raises(ValueError, match='has no val_dataloader'):
        Tiles(cfg, 'val')
    monkeypatch.setattr(f'{Tiles.__module__}.LARGEST', 47)
    with pytest.raises(ValueError, match='has 48 pixels, more than 47'):
        Tiles(cfg, 'test').load('town0')


def test_truth_of_another_size_than_the_image(cfg):
    load, mask, pack = PIPELINE
    half = dict(type='Resize', scale=(4, 3), keep_ratio=False)
    cfg.test_dataloader['dataset']['pipeline'] = [load, half, mask, pack]
    tile = Tiles(cfg, 'test').load('town3')
    assert tile.image.shape == (3, 4, 3)
    assert tile.truth.shape == (6, 8)
    assert tile.picture.shape == (6, 8, 3)
    assert (np.diff(tile.picture[0, :, 1].astype(int)) >= 0).all()


def counts(iou, built=True):
    """Counts with this IoU in percent."""
    if not built:
        return Confusion(fp=3, tn=97)
    return Confusion(tp=iou, fn=100 - iou)


def test_rule_of_one_network():
    scores = dict(a=50, b=10, c=90, d=30, e=70)
    first = {name: counts(iou) for name, iou in scores.items()}
    first['empty'] = counts(0, built=False)
    assert choose_tiles([first], 9) == dict(
        b='worst', a='median', c='best', d='next worst', e='next worst'
    )
    assert list(choose_tiles([first], 2)) == ['b', 'a']
    assert choose_tiles([dict(a=counts(5))], 3) == dict(a='worst')


def test_rule_of_two_networks():
    first = dict(a=50, b=10, c=90, d=30)
    second = dict(a=52, b=11, c=60, d=75)
    scores = [
        {name: counts(iou) for name, iou in network.items()}
        for network in (first, second)
    ]
    assert list(choose_tiles(scores, 9).items()) == [
        ('d', 'largest difference'),
        ('b', 'worst'),
        ('c', 'best'),
        ('a', 'next largest difference'),
    ]
    # The lower one of the middle is the median.
    assert list(choose_tiles(scores[:1], 2)) == ['b', 'd']


def test_rule_needs_buildings():
    with pytest.raises(ValueError, match='none of 2 tiles has a building'):
        choose_tiles([dict.fromkeys('ab', counts(0, built=False))], 3)


def test_scores_of_a_tile():
    truth = np.array([[1, 1, 0, 255]], np.uint8)
    tile = Tile('some', np.zeros((1, 4, 3), np.uint8), truth)
    found = score_tile(tile, np.float32([[0.51, 0.5, 0.9, 0.9]]))
    assert found == Confusion(tp=1, fp=1, fn=1, tn=0)
    assert iou_of(found) == pytest.approx(100 / 3)
    assert iou_of(Confusion(tn=4)) is None


def test_networks_are_named_apart():
    short = ['x/cube-a_1xb8-600_whu.py', 'x/a_1xb8-600_whu.py']
    assert name_networks(short) == ['cube-a', 'a']
    long = ['x/a_1xb8-600_whu.py', 'x/a_1xb8-900_whu.py']
    assert name_networks(long) == ['a_1xb8-600_whu', 'a_1xb8-900_whu']
    # As runs of an ablation keep their configs.
    runs = [f'study/{x}/seed-0/config.py' for x in ('full', 'baseline')]
    assert name_networks(runs) == ['full', 'baseline']
    assert name_networks(['x/a.py', 'x/a.py']) == ['a (1)', 'a (2)']


@pytest.mark.parametrize('count', [0, 5])
def test_pages(tmp_path, count):
    seen = []

    def draw(page):
        seen.append(list(page))
        return Figure((1, 1))

    items = dict.fromkeys('abcde'[:count])
    names = save_pages(draw, items, 2, tmp_path / 'some')
    assert (
        names
        == ['some.png', 'some_page2.png', 'some_page3.png'][: -(-count // 2)]
    )
    assert sum(seen, []) == list(items)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    for name in names:
        Image.open(tmp_path / name).load()


def test_picture_of_errors():
    shape = 20, 90
    rng = np.random.default_rng(0)
    truth = np.zeros(shape, np.uint8)
    truth[5:15, 5:30] = 1
    image = rng.integers(0, 256, (*shape, 3), np.uint8)
    tile = Tile('some', image, truth)
    pairs = {
        name: (probability, score_tile(tile, probability))
        for name in ('one', 'two')
        for probability in [rng.random(shape, np.float32)]
    }
    figure = draw_errors(tile, 'worst', pairs)
    titles = ' '.join(axes.get_title() for axes in figure.axes)
    for name, (probability, found) in pairs.items():
        (axes,) = (
            axes
            for axes in figure.axes
            if axes.get_title().startswith(f'{name}\n')
        )
        assert (axes.images[0].get_array() == probability).all()
        assert f'IoU {found.scores()["IoU"]:.1f} %' in titles
        assert f'missed {found.fn:,}' in titles
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:3] == ['found', 'missed', 'false']
    assert len(labels) == 6
    truth[0] = 255
    figure = draw_errors(tile, 'worst', dict(one=pairs['one']))
    assert sum(bool(axes.images) for axes in figure.axes) == 4
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ['found', 'missed', 'false', 'not scored']


def test_picture_of_masks_lies_over_the_image():
    truth = np.zeros((20, 30), np.uint8)
    tile = Tile('some', np.zeros((20, 30, 3), np.uint8), truth)
    wide = torch.linspace(0, 1, 128).view(8, 16).numpy()
    masks = dict(wide=wide, still=np.full((8, 16), 0.95, np.float32))
    size = 32, 64
    pairs = {
        name: (mask, measure_mask(mask, truth, size, 2))
        for name, mask in masks.items()
    }
    figure = draw_masks(pairs, tile, size)
    image, first, second = (axes for axes in figure.axes[:3])
    assert image.images[0].get_array().shape == (20, 30, 3)
    for axes in (first, second):
        assert axes.images[0].get_extent() == [-0.5, 63.5, 31.5, -0.5]
        assert axes.get_xlim() == (-0.5, 29.5)
        assert axes.get_ylim() == (19.5, -0.5)
    assert 'nearly constant' in second.get_title()
    low, high = second.images[0].get_clim()
    assert low < 0.95 < high
