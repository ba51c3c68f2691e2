import pytest

from mmseg_cube.analysis.learned import tiles as tiles_module
from mmseg_cube.analysis.learned.tiles import Tiles, choose_tiles
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network


@pytest.fixture
def cfg(tiny_config):
    cfg = read_config(tiny_config)
    build_network(cfg)  # sets the scope
    return cfg


def test_windows_of_one_raster_have_names_of_their_own(cfg, sample_city):
    keys = ('img_path', 'ori_shape', 'img_shape', 'window', 'core')
    pack = dict(type='PackSegInputs', meta_keys=keys)
    dataset = dict(type='InriaDataset', data_root=str(sample_city['inria']))
    dataset |= dict(regions=('austin',), split='val', test_mode=True)
    dataset |= dict(windows='grid', window_size=100, bands=[3, 1, 2, 2])
    dataset['pipeline'] = [dict(type='LoadRasterWindow'), pack]
    cfg.val_dataloader.dataset = dataset
    tiles = Tiles(cfg, 'val')
    found = tiles.find('austin1')
    names = ['austin1_0_0', 'austin1_0_100', 'austin1_0_156']
    assert found[:3] == names
    assert all(name.startswith('austin1_') for name in found)
    tile = tiles.load(names[-1])
    assert tile.image.shape == (4, 100, 100)
    assert (tile.image[2] == tile.image[3]).all()
    assert tile.picture.shape == (100, 100, 3)
    # What the neighbour scores is not scored here.
    assert (tile.truth[:, :22] == 255).all()
    assert not (tile.truth[:78, 22:] == 255).any()


def test_faults_of_the_data_are_said(cfg, monkeypatch):
    tiles = Tiles(cfg, 'test')
    monkeypatch.setattr(tiles_module, 'LARGEST', 47)
    with pytest.raises(ValueError, match='has 65536 pixels, more than 47'):
        tiles.load(next(iter(tiles.paths)))
    cfg.val_dataloader = None
    with pytest.raises(ValueError, match='has no val_dataloader'):
        Tiles(cfg, 'val')


EMPTY = Confusion(fp=3, tn=97)


def counts(**scores):
    """Counts of tiles with these IoU in percent."""
    return {n: Confusion(tp=iou, fn=100 - iou) for n, iou in scores.items()}


def test_rule():
    first = counts(a=50, b=10, c=90, d=30, e=70) | dict(empty=EMPTY)
    assert choose_tiles(first, 9) == dict(
        b='worst', a='median', c='best', d='next worst', e='next worst'
    )
    assert list(choose_tiles(first, 2)) == ['b', 'a']
    assert choose_tiles(counts(a=5), 3) == dict(a='worst')
    # The lower one of the middle is the median.
    even = counts(a=50, b=10, c=90, d=30)
    assert list(choose_tiles(even, 2)) == ['b', 'd']
    with pytest.raises(ValueError, match='none of 2 tiles has a building'):
        choose_tiles(dict.fromkeys('ab', EMPTY), 3)
