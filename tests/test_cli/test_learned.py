"""Pictures of what a network has learned, from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_cube.cli import main
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import load_network

LEVELS = [f'decode_head.levels.{i}.conv{j}' for i in range(4) for j in (1, 2)]


@pytest.fixture
def draw(tiny_config, tiny_checkpoint, tmp_path, capsys, monkeypatch):
    """Run the command; return its numbers and its page."""
    monkeypatch.setattr('mmseg_cube.utils.figures.DPI', 30)

    def draw(*options, config=tiny_config):
        words = [config, tiny_checkpoint, *options, '--out', tmp_path]
        assert main(['learned', *map(str, words)]) == 0
        assert f'{tmp_path}/learned.md' in capsys.readouterr().out
        numbers = json.loads((tmp_path / 'learned.json').read_text())
        page = (tmp_path / 'learned.md').read_text()
        # All pictures can be read, are shown, and nothing is left over.
        listed = [tile['pictures'] for tile in numbers['tiles'].values()]
        listed.append(['orders.png', 'kernels.png'])
        names = sorted(path.name for path in tmp_path.glob('*.png'))
        assert sorted(sum(listed, [])) == names
        for name in names:
            assert np.ptp(np.asarray(Image.open(tmp_path / name))) > 0
            assert f'![{name}]({name})' in page
        return numbers, page

    return draw


def predict(config, checkpoint, number):
    """Name, truth and prediction of a test tile, as mmseg has them."""
    cfg = read_config(config)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    model = load_network(cfg, checkpoint)
    (sample,) = model.test_step(pseudo_collate([dataset[number]]))
    masks = sample.gt_sem_seg, sample.pred_sem_seg
    truth, built = (mask.data[0].numpy() > 0 for mask in masks)
    return Path(sample.img_path).stem, truth, built


def test_tiles_are_scored_and_chosen(draw, tiny_config, tiny_checkpoint):
    numbers, page = draw('--count', 1, '--layers', '*levels.3.*')
    assert len(numbers['scores']) == 2
    for number in range(2):
        name, truth, built = predict(tiny_config, tiny_checkpoint, number)
        assert numbers['scores'][name]['tp'] == (truth & built).sum()
    assert f': {numbers["total"]["IoU"]:.2f}.' in page
    ((name, tile),) = numbers['tiles'].items()
    assert tile['pictures'] == [f'errors_{name}.png', f'masks_{name}.png']
    assert tile['why'] == 'worst' and ' worst ' in page


def test_layers_of_a_named_tile(draw, sample_city):
    image = sorted((sample_city['whu'] / 'val' / 'image').iterdir())[1]
    chosen = ['*levels.0.*', '*.3.conv2']
    numbers, page = draw(
        '--images', image, '--split', 'val', '--layers', *chosen
    )
    assert list(numbers['scores']) == [image.stem]
    (tile,) = numbers['tiles'].values()
    layers = numbers['layers']
    assert list(layers) == [*LEVELS[:2], LEVELS[7]]
    for name, layer in layers.items():
        assert layer['kernel']['parities'] == [[1, 0, 1]] * 2
        order = layer['order']
        assert sorted(order['order']) == list(range(order['channels']))
        assert tile['masks'][name] == layer['mask']
        mask = layer['mask']
        assert 0 <= mask['min'] < mask['mean'] < mask['max'] <= 1
        assert page.count(f'| {name} ') == 3


def test_images_at_half_resolution(
    draw, tiny_config, tiny_checkpoint, tmp_path_factory
):
    path = tmp_path_factory.mktemp('half') / 'cube-tiny.py'
    path.write_text(
        f"_base_ = '{tiny_config}'\n"
        'load, mask, pack = _base_.test_pipeline\n'
        "half = dict(type='Resize', scale_factor=0.5, keep_ratio=True)\n"
        'pipeline = [load, half, mask, pack]\n'
        'test_dataloader = dict(dataset=dict(pipeline=pipeline))\n'
    )
    name, truth, built = predict(path, tiny_checkpoint, 0)
    numbers, _ = draw('--images', name, '--layers', LEVELS[7], config=path)
    assert truth.shape == built.shape == (256, 256)
    score = numbers['scores'][name]
    assert score['tp'] == (truth & built).sum()
    assert score['fp'] == (~truth & built).sum()
