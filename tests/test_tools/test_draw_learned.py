"""Pictures of what a network has learned, with tiny networks and tiles."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmseg_cube.inference import BuildingNetwork

CONFIG = """
default_scope = 'mmseg'
custom_imports = dict(imports=['mmseg_cube'], allow_failed_imports=False)
cube = dict(type='CubeConv2d', router=dict(method='sinkhorn'), mask=dict())
bare = dict(type='CubeConv2d')
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[120, 120, 120],
        std=[60, 60, 60],
        bgr_to_rgb=True,
        test_cfg=dict(size_divisor=16),
    ),
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=4,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(0, 1, 2),
    ),
    decode_head=dict(
        type='UNetHead',
        in_channels=[4, 8, 16],
        widths=[8, 8],
        norm_cfg=dict(type='BN'),
        conv_cfg=[{first}, {second}],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
custom_hooks = [dict(type='RouterTemperatureHook', end=0.01)]
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=1.0, keep_ratio=True),
    dict(type='LoadBuildingMask'),
    dict(type='PackSegInputs'),
]
dataset = dict(
    type='WHUBuildingDataset',
    data_root='{data}',
    test_mode=True,
    pipeline=pipeline,
)
test_dataloader = dict(dataset=dict(split='test', **dataset))
val_dataloader = dict(dataset=dict(split='val', **dataset))
"""
LAYERS = [f'decode_head.levels.{i}.conv{j}' for i in (0, 1) for j in (1, 2)]
TILES = [f'tile{i}' for i in range(5)]


@pytest.fixture(scope='module')
def main(load_tool):
    return load_tool('analysis_tools/draw_learned').main


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Five test tiles and one of validation, the first without buildings."""
    root = tmp_path_factory.mktemp('tiles')
    rng = np.random.default_rng(0)
    names = [('test', name) for name in TILES] + [('val', 'other')]
    for i, (split, name) in enumerate(names):
        label = np.zeros((40, 56), np.uint8)
        label[4 : 4 + 6 * i, 8:40] = 255
        image = rng.integers(0, 80, (40, 56, 3), np.uint8)
        image[label > 0] += 120
        for folder, pixels in (('image', image), ('label', label)):
            (root / split / folder).mkdir(parents=True, exist_ok=True)
            path = root / split / folder / f'{name}.png'
            Image.fromarray(pixels).save(path)
    return root


@pytest.fixture(scope='module')
def networks(root):
    """Config and checkpoint of a Cube network and of a plain one.

    The first has routers and masks on its first level only.
    """
    paths = {}
    for seed, (name, kinds) in enumerate(
        dict(cube=('cube', 'bare'), plain=('None', 'None')).items()
    ):
        config = root / f'{name}.py'
        text = CONFIG.replace('{first}', kinds[0]).replace('{data}', str(root))
        config.write_text(text.replace('{second}', kinds[1]))
        init_default_scope('mmseg')
        torch.manual_seed(seed)
        model = MODELS.build(Config.fromfile(config).model)
        for key, value in model.named_parameters():
            if 'router' in key or 'mask' in key or 'conv_seg.w' in key:
                torch.nn.init.normal_(value)
        paths[name] = str(config), str(root / f'{name}.pth')
        torch.save(model.state_dict(), paths[name][1])
    return paths


@pytest.fixture
def draw(main, networks, tmp_path, capsys, monkeypatch):
    """Run the tool on the Cube network; return its numbers and its index."""
    monkeypatch.setattr('mmseg_cube.analysis.learned.pages.DPI', 30)

    def draw(*options):
        out = tmp_path / f'out{len(list(tmp_path.iterdir()))}'
        assert main([*networks['cube'], '--out', str(out), *options]) == 0
        said = capsys.readouterr().out
        assert str(out / 'index.md') in said
        numbers = json.loads((out / 'learned.json').read_text())
        index = (out / 'index.md').read_text()
        # All pictures can be read, are listed, and nothing is left over.
        pictures = sorted(path.name for path in out.glob('*.png'))
        for name in pictures:
            assert np.ptp(np.asarray(Image.open(out / name))) > 0
            assert f'![{name}]({name})' in index
        listed = [*numbers['pictures'].values()]
        listed += [tile['pictures'] for tile in numbers['tiles'].values()]
        assert sorted(sum(listed, [])) == pictures
        assert f'pictures: {len(pictures)};' in said
        assert len(list(out.iterdir())) == len(pictures) + 2
        return numbers, index

    return draw


def predict(network, tile, root, split='test'):
    """Truth and prediction of a tile, straight from the network."""
    config, checkpoint = network
    model = MODELS.build(Config.fromfile(config).model)
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    folder = root / split
    image = np.asarray(Image.open(folder / 'image' / f'{tile}.png'))
    truth = np.asarray(Image.open(folder / 'label' / f'{tile}.png')) > 0
    windows = image.transpose(2, 0, 1)[None]
    return truth, BuildingNetwork(model)(windows)[0].numpy() > 0.5


def test_help(main, capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    assert 'usage' in capsys.readouterr().out


def test_two_networks(draw, networks, root):
    numbers, index = draw('--against', *networks['plain'], '--count', '3')
    assert list(numbers['networks']) == ['cube', 'plain']
    found = {}
    for name, network in networks.items():
        assert numbers['networks'][name]['checkpoint'] == network[1]
        for tile in TILES:
            truth, built = predict(network, tile, root)
            score = numbers['scores'][name][tile]
            assert score['tp'] == (truth & built).sum()
            assert score['fp'] == (~truth & built).sum()
            assert score['fn'] == (truth & ~built).sum()
            assert score['tn'] == (~truth & ~built).sum()
            found.setdefault(tile, []).append((truth, built, score['IoU']))
        total = numbers['total'][name]
        assert sum(total[key] for key in ('tp', 'fp', 'fn', 'tn')) == 5 * 2240
        iou = 100 * total['tp'] / (total['tp'] + total['fp'] + total['fn'])
        assert total['IoU'] == pytest.approx(iou)
        assert f'{name} {iou:.2f}' in index

    # The first tile has no buildings.
    gaps = {t: abs(found[t][0][2] - found[t][1][2]) for t in TILES[1:]}
    tiles = numbers['tiles']
    assert len(tiles) == 3
    assert next(iter(tiles)) == max(gaps, key=gaps.get)
    worst = min(TILES[1:], key=lambda tile: found[tile][0][2])
    assert worst in tiles
    for name, tile in tiles.items():
        (truth, first, _), (_, second, _) = found[name]
        good, other = first == truth, second == truth
        agreement = tile['agreement']
        assert agreement['only the first is right'] == (good & ~other).sum()
        assert agreement['only the second is right'] == (~good & other).sum()
        assert agreement['both wrong'] == (~good & ~other).sum()
        assert tile['why'] in index
        assert tile['pictures'] == [f'errors_{name}.png', f'masks_{name}.png']


def test_layers(draw):
    numbers, index = draw('--count', '1')
    layers = numbers['layers']
    assert list(layers) == LAYERS
    for name in LAYERS[:2]:
        order = layers[name]['order']
        assert order['method'] == 'sinkhorn'
        assert order['temperature'] == 0.01
        assert sorted(order['order']) == list(range(order['channels']))
        mask = layers[name]['mask']
        assert 0 <= mask['min'] < mask['mean'] < mask['max'] <= 1
        (tile,) = numbers['tiles'].values()
        assert tile['masks'][name] == mask
    for name in LAYERS[2:]:
        assert layers[name]['order'] is layers[name]['mask'] is None
        assert layers[name]['kernel']['random_lean'] == [-0.25, -0.25]
    # Cells of the level over a stride of 8 and of 4.
    for name, cell in zip(LAYERS, (8, 8, 4, 4), strict=True):
        kernel = layers[name]['kernel']
        pixels = [cell * cells for cells in kernel['lean']]
        assert kernel['pixels'] == pytest.approx(pixels)
    rows = [line for line in index.splitlines() if LAYERS[2] in line]
    assert 'no router' in rows[0]
    assert 'own' in rows[1]
    assert 'no mask' in rows[2]
    assert numbers['pictures'] == dict(
        orders=['orders.png'], kernels=['kernels.png']
    )


def test_named_tiles_layers_and_split(draw, networks, root):
    numbers, index = draw(
        *('--images', 'tile3.png', str(root / 'test/image/tile0.png')),
        *('--layers', '*levels.1.*', '*.0.conv2'),
    )
    assert list(numbers['layers']) == LAYERS[1:]
    assert list(numbers['tiles']) == ['tile3', 'tile0']
    # Only these were looked at.
    assert list(numbers['scores']['cube']) == ['tile3', 'tile0']
    for tile in numbers['tiles'].values():
        assert tile['agreement'] is None
        assert list(tile['masks']) == [LAYERS[1]]
    numbers, _ = draw('--split', 'val', '--layers', '*levels.1.*')
    assert list(numbers['tiles']) == ['other']
    truth, built = predict(networks['cube'], 'other', root, 'val')
    assert numbers['total']['cube']['tp'] == (truth & built).sum()
    # No routers and no masks: nothing is drawn of them.
    assert numbers['pictures']['orders'] == []
    assert numbers['tiles']['other']['pictures'] == ['errors_other.png']


def test_options_replace_settings_of_the_first_config(draw, networks):
    numbers, _ = draw(
        *('--against', *networks['plain'], '--images', 'tile1'),
        *('--cfg-options', 'custom_hooks.0.end=0.5'),
        'model.decode_head.conv_cfg.1.phase=down_right',
    )
    layer = numbers['layers'][LAYERS[0]]
    assert layer['order']['temperature'] == 0.5
    lean = numbers['layers'][LAYERS[2]]['kernel']['random_lean']
    assert lean == [0.25, 0.25]


def test_images_at_half_resolution(draw, networks, root):
    half = 'test_dataloader.dataset.pipeline.1.scale_factor=0.5'
    numbers, _ = draw('--images', 'tile3', '--cfg-options', half)
    cfg = Config.fromfile(networks['cube'][0])
    cfg.test_dataloader.dataset.pipeline[1].scale_factor = 0.5
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    (index,) = (
        i
        for i in range(len(dataset))
        if dataset.get_data_info(i)['img_path'].endswith('tile3.png')
    )
    model = MODELS.build(cfg.model)
    model.load_state_dict(torch.load(networks['cube'][1], weights_only=True))
    (sample,) = model.eval().test_step(pseudo_collate([dataset[index]]))
    built = sample.pred_sem_seg.data[0].numpy() > 0
    truth = sample.gt_sem_seg.data[0].numpy() > 0
    assert truth.shape == built.shape == (40, 56)
    score = numbers['scores']['cube']['tile3']
    assert score['tp'] == (truth & built).sum()
    assert score['fp'] == (~truth & built).sum()
    # Cells in pixels of the file.
    cells = numbers['tiles']['tile3']['cells']
    assert cells[LAYERS[0]] == [16, 16]


def test_wrong_input_is_said(main, networks, root, tmp_path, capsys):
    (cube, weights), (plain, others) = networks.values()
    out = tmp_path / 'out'

    def said(*args):
        assert main([*args, '--out', str(out)]) == 2
        assert not out.exists()
        text = capsys.readouterr().err
        assert text.startswith('draw_learned: ')
        assert 'Traceback' not in text
        return text

    assert 'plain.py: the network has no Cube layer' in said(plain, others)
    assert "no image 'x'; it has 5: tile0" in said(
        cube, weights, '--images', 'x'
    )
    text = said(cube, weights, '--layers', 'neck.*')
    assert "'neck.*' of --layers matches no Cube layer" in text
    assert 'levels.0.conv1' in text
    assert 'plain.pth is no checkpoint of' in said(cube, others)
    assert 'cube.pth is no checkpoint of' in said(
        cube, weights, '--against', plain, weights
    )
    assert 'none.pth' in said(cube, str(root / 'none.pth'))
    assert 'none.py cannot be read' in said(str(root / 'none.py'), weights)
    empty = 'test_dataloader.dataset.data_root=/nowhere'
    assert '/nowhere' in said(cube, weights, '--cfg-options', empty)
