"""Networks packed into one small file, and the commands that take it."""

import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from mmseg_cube.cli import main
from mmseg_cube.deploy import pack_network
from mmseg_cube.utils import default_network
from mmseg_cube.utils.checkpoints import read_checkpoint
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.default_network import ADDRESS
from mmseg_cube.utils.networks import build_network, load_network

OWN_TILES = Path(__file__).parents[2] / 'configs' / '_base_' / 'own_tiles.py'


@pytest.fixture(scope='module')
def packed(tiny_config, tiny_checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp('packed') / 'new' / 'roofs.pth'
    words = tiny_config, tiny_checkpoint, '--out', out, '--meta', 'IoU=67.5'
    meta = 'resolution=0.3', 'config=x', 'seeds=[0,1,2]'
    assert main(['weights', 'pack', *map(str, words), *meta]) == 0
    return out


def test_half_precision_and_what_it_is(packed, tiny_config, tiny_checkpoint):
    # Nothing but weights, without any help of ours.
    found = torch.load(packed, weights_only=True)
    before = read_checkpoint(tiny_checkpoint)['state_dict']
    assert found['state_dict'].keys() == before.keys()
    for name, value in found['state_dict'].items():
        right = before[name]
        right = right.half() if right.dim() in (2, 4) else right
        assert torch.equal(value, right) and value.dtype == right.dtype
    assert found['meta'] == dict(
        config='cube-tiny.py',
        dataset_meta=dict(
            classes=['background', 'building'],
            palette=[[0, 0, 0], [255, 170, 0]],
        ),
        resolution=0.3,
        IoU=67.5,
        seeds=[0, 1, 2],
    )


def test_a_network_that_half_precision_cannot_hold(
    tiny_config, tiny_segmentor, tmp_path
):
    four = tmp_path / 'four.py'  # channels
    text = 'model = dict(backbone=dict(in_channels=4))'
    four.write_text(f'_base_ = {str(tiny_config)!r}\n{text}')
    state = tiny_segmentor(**{'model.backbone.in_channels': 4}).state_dict()
    files = four, tmp_path / 'large.pth', tmp_path / 'out.pth'
    torch.save(dict(state_dict=state), files[1])
    pack_network(*files, {})
    files[-1].unlink()
    state['decode_head.conv_seg.weight'] *= 1e6
    torch.save(dict(state_dict=state), files[1])
    with pytest.raises(ValueError, match='large.pth cannot be packed: in ha'):
        pack_network(*files, {})
    assert not files[-1].exists()


@pytest.fixture
def default(packed, tiny_config, monkeypatch):
    """The packed network as the default one."""
    monkeypatch.setattr(default_network, 'CONFIG', tiny_config)
    monkeypatch.setattr(default_network, 'WEIGHTS', packed)


@pytest.mark.parametrize(
    'words',
    [
        'export --format torchscript --size 64 --out OUT/net.pt',
        'learned --out OUT --count 1 --device cpu',
        'test --work-dir OUT --cfg-options log_level=ERROR',
    ],
)
def test_commands_take_the_default_network(words, default, tmp_path, capsys):
    assert main(words.replace('OUT', str(tmp_path)).split()) == 0
    said = capsys.readouterr().err
    assert said.count('Note: taking the default network, ') == 1


@pytest.mark.parametrize('metres, noted', [(1.0, True), (0.35, False)])
def test_pixels_of_other_sizes(metres, noted, default, tmp_path, capsys):
    raster = tmp_path / 'raster.tif'
    shape = dict(width=64, height=64, count=3, dtype='uint8')
    place = Affine(metres, 0, 600_000, 0, -metres, 5_000_000)
    georeference = dict(crs='EPSG:32632', transform=place)
    with rasterio.open(raster, 'w', **shape, **georeference) as file:
        file.write(np.full((3, 64, 64), 99, np.uint8))
    words = 'predict', raster, '--out', tmp_path / 'out', '--device', 'cpu'
    assert main([*map(str, words)]) == 0
    note = f'{raster} has pixels of 1 m, but the network was trained on 0.3 m'
    assert (note in capsys.readouterr().err) == noted


def test_fine_tuning_has_all_weights_or_none(
    default, sample_city, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(default_network, 'CONFIG', OWN_TILES)
    work = '--work-dir', str(tmp_path / 'work')
    options = [f'data_root={sample_city["whu"]}', 'train_cfg.max_iters=1']
    options += ['train_dataloader.batch_size=2']
    for loader in ('train', 'val', 'test'):
        options.append(f'{loader}_dataloader.num_workers=0')
    train = ['train', *work, '--cfg-options', *options]
    # The tiny network is not the one that is fine-tuned.
    assert main(train) == 2
    said = capsys.readouterr().err
    assert re.search(r'model has 0 of \d+ weights of mmseg_cube://', said)
    files = tmp_path / 'trained.pth', tmp_path / 'packed.pth'
    state = build_network(read_config(OWN_TILES)).state_dict()
    torch.save(dict(state_dict=state), files[0])
    pack_network(OWN_TILES, *files, dict(resolution=0.3))
    monkeypatch.setattr(default_network, 'WEIGHTS', files[1])
    assert main(train) == 0
    # No step yet, as the rate of the first one is small.
    found = read_checkpoint(tmp_path / 'work' / 'iter_1.pth')['state_dict']
    for name, value in read_checkpoint(files[1])['state_dict'].items():
        if value.dim() > 1:
            assert (found[name] - value.float()).abs().max() < 1e-4


def test_the_file_of_this_package():
    if not default_network.WEIGHTS.is_file():
        pytest.skip('it is put there by a training')
    assert default_network.WEIGHTS.stat().st_size < 9e6
    assert default_network.ground_resolution(ADDRESS) == 0.3
    load_network(read_config(OWN_TILES), ADDRESS)
