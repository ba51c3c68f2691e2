"""The comparison of gradients, called as a function."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs' / 'unet_convnext'
NAMES = ('cube-small', 'small')
SHRUNKEN = """
_base_ = '{base}'
model = dict(
    data_preprocessor=dict(size=(32, 32)),
    backbone=dict(
        arch=dict(_delete_=True, depths=[1, 1], channels=[8, 16]),
        out_indices=[0, 1],
        init_cfg=dict(
            _delete_=True, type='Pretrained', checkpoint='missing.pth')),
    decode_head=dict(in_channels=[8, 16], widths=[8, 8]))
train_pipeline = _base_.train_pipeline
train_pipeline[2]['crop_size'] = (32, 32)
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
"""
LAYERS = [
    f'decode_head.levels.{i}.conv{j}.conv' for i in (0, 1) for j in (1, 2)
]
CHANNELS = [24, 8, 8, 8]
STATISTICS = {
    'mean_abs_correlation',
    'off_diagonal_norm',
    'off_diagonal_rms',
    'effective_rank_share',
    'same_cell',
    'other_cell',
    'same_cell_before_routing',
    'other_cell_before_routing',
}


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/gradient_correlation')


@pytest.fixture(scope='module')
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    paths = [folder / f'{name}.py' for name in NAMES]
    for path, prefix in zip(paths, ('cube-full-', ''), strict=True):
        base = FOLDER / f'{prefix}unet_convnext-atto_1xb8-600_whu-128x128.py'
        path.write_text(SHRUNKEN.format(base=base))
    return [str(path) for path in paths]


@pytest.fixture(scope='module')
def checkpoints(pair, tmp_path_factory):
    """Paths of random weights by config and iteration."""
    folder = tmp_path_factory.mktemp('checkpoints')
    init_default_scope('mmseg')
    found = {}
    for config in pair:
        cfg = Config.fromfile(config).model
        cfg.backbone.init_cfg = None
        for iteration in (10, 20):
            torch.manual_seed(iteration)
            path = folder / f'{Path(config).stem}-{iteration}.pth'
            weights = MODELS.build(cfg).state_dict()
            meta = dict(iter=iteration)
            torch.save(dict(state_dict=weights, meta=meta), path)
            found.setdefault(config, []).append(str(path))
    return found


@pytest.fixture
def run(tool, sample_city, tmp_path, capsys):
    """Run the tool on the sample city; return its exit code and words."""

    def run(*args, batches=2, options=()):
        loaders = (
            f'{x}_dataloader.dataset.data_root' for x in ('train', 'val')
        )
        data = [f'{key}={sample_city["whu"]}' for key in loaders]
        # Of 256 x 256 each, and without a crop.
        data.append('val_dataloader.dataset.indices=2')
        args = [*map(str, args), '--batches', str(batches)]
        if '--out' not in args:
            args += ['--out', str(tmp_path / 'out')]
        code = tool.main([*args, '--cfg-options', *data, *options])
        said = capsys.readouterr()
        return code, said.err if code else said.out

    return run


def read(folder):
    return json.loads((folder / 'gradient_correlation.json').read_text())


def test_compares_a_pair_over_its_training(run, pair, checkpoints, tmp_path):
    out = tmp_path / 'new' / 'folder'
    cube, plain = pair
    # In any order, with random weights among them.
    code, said = run(
        cube,
        *reversed(checkpoints[cube]),
        'init',
        '--against',
        plain,
        '--against-checkpoints',
        'init',
        *checkpoints[plain],
        '--out',
        out,
        batches=3,
    )
    assert code == 0
    files = {'gradient_correlation.json', 'gradient_correlation.md'}
    files |= {'layers.png', 'curves.png', 'heat_maps'}
    assert {path.name for path in out.iterdir()} == files
    maps = list((out / 'heat_maps').iterdir())
    assert {path.stem for path in maps} == set(LAYERS)
    for path in [*maps, out / 'layers.png', out / 'curves.png']:
        Image.open(path).verify()

    numbers = read(out)
    assert numbers['facts']['batches'] == '3 of 2'
    assert [x['name'] for x in numbers['networks']] == list(NAMES)
    for network in numbers['networks']:
        times = [look['iteration'] for look in network['looks']]
        assert times == [0, 10, 20]
        for look in network['looks']:
            check_look(look, cells=2)
    samples = [
        [look['weight'][LAYERS[0]]['samples'] for look in network['looks']]
        for network in numbers['networks']
    ]
    # 8 outputs, 4 or 9 taps, 3 batches.
    assert samples == [[96] * 3, [216] * 3]
    assert len(numbers['ratios']) == 3
    check_ratios(numbers)

    table = (out / 'gradient_correlation.md').read_text()
    for gradient in ('inputs', 'weights'):
        assert f'gradient of the {gradient}, iteration 20' in said
        for iteration in (0, 10, 20):
            assert f'the {gradient}, iteration {iteration}' in table
    assert 'iteration 10' not in said
    check_cells(table, numbers)


def check_look(look, cells):
    for gradient in ('input', 'weight'):
        layers = look[gradient]
        assert list(layers) == [*LAYERS, 'mean of layers']
        for layer, channels in zip(LAYERS, CHANNELS, strict=True):
            found = layers[layer]
            assert found['channels'] == channels
            assert found['dead'] == 0
            assert found.keys() - {'channels', 'dead', 'samples'} == STATISTICS
            for name, number in found.items():
                if name in STATISTICS - {'off_diagonal_norm'}:
                    assert 0 < number['value'] <= 1
                    assert number['error'] >= 0
            pairs = (channels * (channels - 1)) ** 0.5
            norm = found['off_diagonal_norm']['value']
            rms = found['off_diagonal_rms']['value']
            assert norm == pytest.approx(pairs * rms)
    positions = [look['input'][layer]['samples'] for layer in LAYERS]
    # 3 batches of 2 crops of 32 x 32; the first level at a quarter of that.
    assert positions == [384, 384, 1536, 1536]


def check_ratios(numbers):
    for i, ratios in enumerate(numbers['ratios']):
        for gradient in ('input', 'weight'):
            first, second = (
                network['looks'][i][gradient][LAYERS[1]]
                for network in numbers['networks']
            )
            for name, ratio in ratios[gradient][LAYERS[1]].items():
                expected = first[name]['value'] / second[name]['value']
                assert ratio['value'] == pytest.approx(expected)


def check_cells(table, numbers):
    """The last values stand where the table has them."""
    part = table.split('gradient of the weights, iteration 20')[1]
    rows = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in part.splitlines()
        if line.startswith('|')
    ]
    looks = [x['looks'][-1]['weight'][LAYERS[0]] for x in numbers['networks']]
    looks.append(numbers['ratios'][-1]['weight'][LAYERS[0]])
    column = rows[0].index('rank / C')
    for row, look, digits in zip(rows[2:5], looks, (3, 3, 2), strict=True):
        number = look['effective_rank_share']
        value, error = (f'{number[k]:.{digits}f}' for k in ('value', 'error'))
        assert row[column] == f'{value} ± {error}'


def test_both_networks_see_the_same(run, pair, checkpoints, tmp_path):
    """A network is no different from itself."""
    cube = pair[0]
    path = checkpoints[cube][1]
    args = [cube, path, '--against', cube, '--against-checkpoints', path]
    code, said = run(*args, '--layers', '*levels.1*conv2*', LAYERS[0])
    assert code == 0
    first, second = read(tmp_path / 'out')['networks']
    assert first['looks'] == second['looks']
    assert list(first['looks'][0]['input'])[:-1] == [LAYERS[0], LAYERS[3]]
    assert second['name'] == 'cube-small (against)'
    assert '1.00 ± 0.00' in said
    assert '2 Cube convolutions were not compared' in said
    assert not (tmp_path / 'out' / 'curves.png').exists()


def test_one_plain_network_on_validation_images(run, pair, tmp_path):
    code, said = run(
        pair[1], '--split', 'val', '--layers', 'decode_head.levels.0.*',
        batches=1,
    )  # fmt: skip
    assert code == 0
    assert ' ratio ' not in said
    assert '±' not in said
    numbers = read(tmp_path / 'out')
    assert numbers['ratios'] == []
    (network,) = numbers['networks']
    found = network['looks'][0]['input'][LAYERS[0]]
    assert found['samples'] == 64 * 64
    assert found['mean_abs_correlation']['error'] is None
    # Nothing says how its channels would share cells.
    assert 'same_cell' not in found


def test_wrong_input_is_said(run, pair, checkpoints, tmp_path):
    cube, plain = pair
    ten, twenty = checkpoints[cube]
    other = checkpoints[plain][0]
    nameless, damaged = tmp_path / 'nameless.pth', tmp_path / 'damaged.pth'
    torch.save(torch.load(ten)['state_dict'], nameless)
    damaged.write_bytes(b'no weights')
    (tmp_path / 'file').touch()
    nowhere = 'train_dataloader.dataset.data_root=nowhere'
    for args, message in (
        (['none.py'], 'none.py'),
        ([cube, 'none.pth'], 'none.pth'),
        ([cube, damaged], 'damaged.pth cannot be used'),
        ([cube, other], f'{other} does not fit {cube}'),
        ([cube, ten, nameless], 'nameless.pth does not say after how many'),
        ([cube, ten, ten], 'are both of iteration 10'),
        ([cube, ten, '--against', plain], 'has 1 checkpoints and'),
        ([plain], 'no convolution of the network is a Cube'),
        ([cube, '--layers', 'x.*'], '--layers x.*: no convolution'),
        ([cube, '--layers', 'backbone.stages.0.0.depth*', 'y'], '--layers y'),
        ([cube, '--out', tmp_path / 'file'], str(tmp_path / 'file')),
        ([cube, '--split', 'val'], 'has 2 batches, but --batches asks for 9'),
    ):
        code, said = run(*args, batches=9)
        assert code == 2
        assert message in said
        assert said.startswith('gradient_correlation: ')
        assert said.count('\n') < 10
    code, said = run(cube, options=[nowhere])
    assert code == 2
    assert 'nowhere' in said
    assert not any(path.is_file() for path in tmp_path.glob('out/**'))


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ([], 'required: config'),
        (['a.py', '--batches', '0'], "must be a positive number, but got '0'"),
        (['a.py', '--split', 'test'], 'invalid choice'),
        (['a.py', '--against-checkpoints', 'a.pth'], 'add that'),
    ],
)
def test_bad_arguments_are_said(tool, args, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        tool.main(args)
    assert message in capsys.readouterr().err


def test_diverged_training_is_said(run, pair, checkpoints, tmp_path):
    content = torch.load(checkpoints[pair[0]][0])
    content['state_dict']['decode_head.conv_seg.weight'][0] = torch.nan
    path = tmp_path / 'diverged.pth'
    torch.save(content, path)
    code, said = run(pair[0], path)
    assert code == 2
    assert 'is not finite; has the training diverged?' in said


def test_missing_device_is_said(run, pair, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    code, said = run(pair[0], '--device', 'cuda')
    assert code == 2
    assert 'no CUDA device is available' in said
