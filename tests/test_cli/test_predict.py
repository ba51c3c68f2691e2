"""``mmseg-cube predict``, called in this process."""

import json

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image

from mmseg_cube.cli import main
from mmseg_cube.datasets.mask_folder import MaskFolder
from mmseg_cube.inference import Tiling, predict_mask

THRESHOLD = 0.507  # near the middle of what the network gives
OPTIONS = ['--size', '64', '--device', 'cpu', '--threshold', THRESHOLD]


@pytest.fixture(scope='module')
def images(sample_city, tmp_path_factory):
    """Two images that are larger than a window, and small."""
    folder = tmp_path_factory.mktemp('images')
    for path in (sample_city['whu'] / 'test' / 'image').iterdir():
        with rasterio.open(path) as file:
            values = file.read()[:, :96, :80]
        Image.fromarray(values.transpose(1, 2, 0)).save(folder / path.name)
    return folder


@pytest.fixture
def predict(tiny_config, tiny_checkpoint, images, capsys):
    """Run the command on the tiny network; return what it says."""

    def run(out, *options, code=0, checkpoint=tiny_checkpoint, images=images):
        words = [tiny_config, checkpoint, images, '--out', out]
        words += [*OPTIONS, *options]
        assert main(['predict', *map(str, words)]) == code
        said = capsys.readouterr()
        return said.err if code else said.out

    return run


def test_masks_equal_the_predictions(predict, tiny_network, images, tmp_path):
    tiling = Tiling(64, stride=48, tta=True)
    out = tmp_path / 'masks'
    said = predict(out, '--tta', '--stride', 48)
    assert f'2 masks in {out}: 2 predicted' in said
    names = sorted(path.name for path in out.iterdir())
    assert names == ['1.png', '2.png', 'manifest.json']
    for image in images.iterdir():
        mask = Image.open(out / f'{image.stem}.png')
        assert mask.mode == 'L'
        assert set(np.unique(mask)) == {0, 255}
        truth = 255 * predict_mask(tiny_network, image, THRESHOLD, tiling)
        np.testing.assert_array_equal(mask, truth)
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['config'] == 'cube-tiny.py'
    assert (manifest['tta'], manifest['stride']) == (True, 48)


def test_continues_after_a_full_disk(predict, tmp_path, monkeypatch):
    predict(tmp_path / 'whole')
    out = tmp_path / 'masks'
    write = MaskFolder.write

    def fail(self, mask, image):
        if image.stem == '2':
            raise OSError(28, 'No space left on device', str(image))
        write(self, mask, image)

    monkeypatch.setattr(MaskFolder, 'write', fail)
    assert 'No space left' in predict(out, code=2)
    monkeypatch.undo()
    first, second = out / '1.png', out / '2.png'
    before = first.stat().st_mtime_ns
    second.write_bytes(first.read_bytes()[:80])
    said = predict(out, '--batch', 1)
    assert '1 predicted, 1 there already' in said
    assert first.stat().st_mtime_ns == before
    assert second.read_bytes() == (tmp_path / 'whole/2.png').read_bytes()


def test_settings_do_not_mix(predict, tiny_segmentor, tmp_path):
    out = tmp_path / 'masks'
    predict(out)
    model = tiny_segmentor()
    torch.nn.init.ones_(model.decode_head.conv_seg.bias)
    other = tmp_path / 'other.pth'
    torch.save(dict(state_dict=model.state_dict()), other)
    said = predict(out, checkpoint=other, code=2)
    assert 'was begun with other settings: network' in said
    said = predict(out, '--threshold', 0.4, code=2)
    assert 'threshold was 0.507 and is 0.4 now' in said
    (out / 'manifest.json').unlink()
    assert 'holds masks, but no manifest.json' in predict(out, code=2)
    (out / 'manifest.json').write_text('{')
    assert 'is damaged' in predict(out, code=2)


def test_options(predict, tmp_path):
    out, path = tmp_path / 'masks', tmp_path / 'curve.json'
    for option, value, message in (
        ('--stride', 65, 'stride must be from 1'),
        ('--threshold', 2, 'threshold must be'),
        ('--threshold', path, 'no such file'),
    ):
        assert message in predict(out, option, value, code=2)
    assert not list(tmp_path.iterdir())
    # The threshold of the val set.
    best = dict(best=dict(threshold=0.3), no_best_because=None)
    path.write_text(json.dumps(dict(data=dict(split='val'), **best)))
    predict(out, '--threshold', path)
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['threshold'] == 0.3


def test_wrong_images(predict, tmp_path):
    def error(folder):
        return predict(tmp_path / 'masks', images=folder, code=2)

    assert 'folder not found: ' in error(tmp_path / 'nowhere')
    images = tmp_path / 'images'
    images.mkdir()
    assert 'has no images' in error(images)
    Image.new('L', (32, 32)).save(images / 'grey.png')
    assert 'grey.png: image has 1 band(s)' in error(images)
    (images / 'grey.png').unlink()
    for name in ('a.png', 'a.jpg'):
        Image.new('RGB', (32, 32)).save(images / name)
    assert 'would all get the same mask' in error(images)
    assert not (tmp_path / 'masks').exists()
    assert 'holds the images' in predict(images, images=images, code=2)
