"""The tool that predicts a folder of images, called as a function."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmseg_cube.deploy import load_segmentor
from mmseg_cube.inference import Tiling, predict_mask, predict_raster
from mmseg_cube.inference.folder import PngFolder

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / 'configs/unet_convnext'
BASE /= 'cube-unet_convnext-atto_1xb8-600_whu-128x128.py'
CONFIG = f"""
_base_ = {str(BASE)!r}
model = dict(
    backbone=dict(arch=dict(
        depths=[1, 1, 1, 1], channels=[8, 16, 16, 32], _delete_=True)),
    decode_head=dict(in_channels=[8, 16, 16, 32], widths=[16, 8, 8, 8]))
"""
OPTIONS = ['--size', '64', '--device', 'cpu']


@pytest.fixture(scope='module')
def main(load_tool):
    module = load_tool('predict_folder')
    return lambda *args: module.main([*map(str, args), *OPTIONS])


@pytest.fixture(scope='module')
def images(sample_city):
    return sample_city['whu'] / 'test' / 'image'


@pytest.fixture(scope='module')
def network(tmp_path_factory, images):
    """Config and checkpoints of two networks, which find some buildings."""
    folder = tmp_path_factory.mktemp('network')
    config = folder / 'small.py'
    config.write_text(CONFIG)
    init_default_scope('mmseg')
    checkpoints = []
    for seed in range(2):
        torch.manual_seed(seed)
        model = MODELS.build(Config.fromfile(config).model)
        model.init_weights()
        with torch.no_grad():
            model.decode_head.conv_seg.weight.normal_()
        found = predict_raster(model, images / '1.tif', Tiling(64))
        middle = torch.tensor(float(np.median(found)))
        with torch.no_grad():
            model.decode_head.conv_seg.bias[1] -= middle.logit()
        checkpoints.append(folder / f'{seed}.pth')
        torch.save(dict(state_dict=model.state_dict()), checkpoints[-1])
    return config, *checkpoints


def expected(network, image, **tiling):
    model = load_segmentor(Config.fromfile(network[0]), str(network[1]))
    return 255 * predict_mask(model, image, 0.5, Tiling(64, **tiling))


def test_help(main, capsys):
    with pytest.raises(SystemExit, match='0'):
        main('--help')
    assert 'manifest.json' in capsys.readouterr().out


def test_masks_equal_the_predictions(main, network, images, tmp_path, capsys):
    out = tmp_path / 'masks'
    assert main(*network[:2], images, out, '--tta', '--stride', 48) == 0
    assert f'2 masks in {out}: 2 predicted' in capsys.readouterr().out
    assert {p.name for p in out.iterdir()} == {
        '1.png',
        '2.png',
        'manifest.json',
    }
    for image in images.iterdir():
        mask = Image.open(out / f'{image.stem}.png')
        assert mask.mode == 'L'
        truth = expected(network, image, stride=48, flips=True)
        np.testing.assert_array_equal(mask, truth)
    assert set(np.unique(Image.open(out / '1.png'))) == {0, 255}
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['config'] == 'small.py'
    assert manifest['flips'] is True
    assert manifest['stride'] == 48


def test_continues(main, network, images, tmp_path, capsys):
    args = *network[:2], images, tmp_path
    assert main(*args) == 0
    (tmp_path / '2.png').write_bytes((tmp_path / '2.png').read_bytes()[:80])
    before = (tmp_path / '1.png').stat().st_mtime_ns
    capsys.readouterr()
    assert main(*args, '--batch', 1) == 0
    assert '1 predicted, 1 there already' in capsys.readouterr().out
    assert (tmp_path / '1.png').stat().st_mtime_ns == before
    truth = expected(network, images / '2.tif')
    np.testing.assert_array_equal(Image.open(tmp_path / '2.png'), truth)


def test_settings_do_not_mix(main, network, images, tmp_path, capsys):
    config, first, second = network
    assert main(config, first, images, tmp_path) == 0
    assert main(config, second, images, tmp_path) == 2
    assert 'was begun with other settings: network' in capsys.readouterr().err
    assert main(config, first, images, tmp_path, '--threshold', 0.4) == 2
    assert 'threshold was 0.5 and is 0.4 now' in capsys.readouterr().err
    (tmp_path / 'manifest.json').unlink()
    assert main(config, first, images, tmp_path) == 2
    assert 'holds masks, but no manifest.json' in capsys.readouterr().err
    (tmp_path / 'manifest.json').write_text('{')
    assert main(config, first, images, tmp_path) == 2
    assert 'is damaged' in capsys.readouterr().err


def test_threshold_of_the_val_set(main, network, images, tmp_path):
    curve = dict(
        data=dict(dataset='WHU', split='val'),
        best=dict(threshold=0.3),
        no_best_because=None,
    )
    path = tmp_path / 'curve.json'
    path.write_text(json.dumps(curve))
    out = tmp_path / 'masks'
    assert main(*network[:2], images, out, '--threshold', path) == 0
    assert json.loads((out / 'manifest.json').read_text())['threshold'] == 0.3


def test_wrong_input(main, network, images, tmp_path, capsys):
    config, checkpoint, _ = network
    out = tmp_path / 'masks'

    def error(*args):
        assert main(*args) == 2
        assert not out.exists()
        return capsys.readouterr().err

    assert 'missing.py' in error('missing.py', checkpoint, images, out)
    assert 'missing.pth' in error(config, 'missing.pth', images, out)
    assert 'is no checkpoint of' in error(BASE, checkpoint, images, out)
    assert 'there is no folder' in error(config, checkpoint, out, out / 'a')
    (tmp_path / 'empty').mkdir()
    assert 'has no images' in error(
        config, checkpoint, tmp_path / 'empty', out
    )
    assert 'holds the images' in error(config, checkpoint, out, out)
    args = config, checkpoint, images, out
    assert 'stride must be from 1' in error(*args, '--stride', 65)
    assert 'threshold must be' in error(*args, '--threshold', 2)
    assert 'no such file' in error(*args, '--threshold', 'curve.json')
    option = 'model.decode_head.widths=[16,8,8,16]'
    assert 'is no checkpoint of' in error(*args, '--cfg-options', option)


def test_wrong_images(main, network, tmp_path, capsys):
    images, out = tmp_path / 'images', tmp_path / 'masks'
    images.mkdir()
    Image.new('L', (32, 32)).save(images / 'grey.png')
    assert main(*network[:2], images, out) == 2
    assert 'grey.png: image has 1 band(s)' in capsys.readouterr().err
    (images / 'grey.png').unlink()
    for name in ('a.png', 'a.jpg'):
        Image.new('RGB', (32, 32)).save(images / name)
    assert main(*network[:2], images, out) == 2
    assert 'would all get the same mask' in capsys.readouterr().err
    assert not out.exists()


def test_full_disk(main, network, images, tmp_path, capsys, monkeypatch):
    write = PngFolder.write

    def fail(self, mask, image):
        if image.stem == '2':
            raise OSError(28, 'No space left on device', str(image))
        write(self, mask, image)

    monkeypatch.setattr(PngFolder, 'write', fail)
    args = *network[:2], images, tmp_path
    assert main(*args) == 2
    assert 'No space left' in capsys.readouterr().err
    monkeypatch.undo()
    assert main(*args) == 0
    assert '1 predicted, 1 there already' in capsys.readouterr().out
