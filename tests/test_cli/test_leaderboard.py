"""The command that collects tested networks."""

import csv
import json
from dataclasses import astuple
from statistics import mean, stdev

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_cube.analysis.complexity.count import count_network
from mmseg_cube.cli import main
from mmseg_cube.utils.configs import read_config

NAME = 'small_1xb1-1_whu-32x32'
CONFIG = """
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='ResNet', depth=18, base_channels=4, num_stages=1, strides=(1,),
        dilations=(1,), out_indices=(0,)),
    decode_head=dict(
        type='FCNHead', in_channels=4, channels=4, num_convs=1,
        num_classes=2),
    test_cfg=dict(mode='whole'))
test_dataloader = dict(num_workers=0, dataset=dict(
    type='WHUBuildingDataset', data_root='data/WHU', split='test'))
test_evaluator = dict(type='BuildingMetric')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
"""
SCORES = {'building/F1': 80.0, 'building/Precision': 85.0,
          'building/Recall': 75.5, 'time': 0.1}  # fmt: skip


@pytest.fixture
def work(tmp_path):
    """Folder of the runs."""
    return tmp_path / 'work'


@pytest.fixture
def run(work, tmp_path):
    """Collect the runs in the folder ``out``; return the rows."""
    out = tmp_path / 'out'

    def run(*args, code=0):
        words = map(str, (work, '--size', 64, '--out', out, *args))
        assert main(['leaderboard', *words]) == code
        numbers = out / 'leaderboard.json'
        return None if code else json.loads(numbers.read_text())['rows']

    return run


def add_log(home, time, **changes):
    """Make the folder of a start of a tool."""
    cfg = Config.fromstring(CONFIG, '.py')
    cfg.merge_from_dict(changes)
    log = home / time
    (log / 'vis_data').mkdir(parents=True)
    cfg.dump(log / 'vis_data' / 'config.py')
    cfg.dump(home / f'{NAME}.py')
    return log


def add_training(home, seed, time='20260101_000000', **changes):
    log = add_log(home, time, **changes)
    (log / 'vis_data' / 'scalars.json').write_text('{"loss": 1.0}\n')
    (log / f'{time}.log').write_text(f'Runtime:\n    seed: {seed}\n')


def add_test(home, iou, time='20260102_000000', text=None, **changes):
    log = add_log(home, time, **changes)
    content = {'building/IoU': iou, **SCORES}
    (log / f'{time}.json').write_text(text or json.dumps(content))
    return log


def test_mean_and_spread_over_seeds(run, work, capsys):
    ious = 70.0, 71.0, 75.0
    for seed, iou in enumerate(ious):
        home = work / str(seed)
        add_training(home, seed)
        if seed == 2:  # in a folder of its own
            add_test(work / 'tests', iou, load_from=str(home / 'a.pth'))
        else:
            add_test(home / 'test' if seed else home, iou)
    (row,) = run()
    assert 'WHU test' in capsys.readouterr().out
    assert (row['model'], row['seeds']) == (NAME, [0, 1, 2])
    spread = dict(mean=mean(ious), sd=stdev(ious))
    assert row['scores']['IoU'] == pytest.approx(spread)
    assert row['scores']['Recall'] == dict(mean=75.5, sd=0)
    assert 'BoundaryIoU' not in row['scores']
    whole = count_network(Config.fromstring(CONFIG, '.py'), 64)
    assert (row['parameters'], row['flops']) == astuple(whole)


def test_files(run, work, tmp_path):
    scores = {'building/IoU': 70.0, 'building/BoundaryIoU': 50.0}
    add_test(work, None, text=json.dumps(scores))
    run()
    with (tmp_path / 'out/leaderboard.csv').open(newline='') as file:
        own, *quoted = csv.DictReader(file)
    assert (own['IoU'], own['Boundary IoU']) == ('70.00', '50.00')
    assert own['Source'] == 'own runs'
    assert len(quoted) == 13
    assert all(line['Source'].startswith('quoted: ') for line in quoted)
    quotes = {line['Model']: line for line in quoted}
    assert quotes['ConvNeXt-U-Cube']['IoU'] == '82.63'
    assert quotes['BuildFormer (Swin-T)']['Params (M)'] == '32.90'
    text = (tmp_path / 'out/leaderboard.md').read_text()
    assert 'cannot be compared' in text
    assert text.count('\n|') == 2 + 14


def test_protocols_are_not_mixed(run, work):
    inria = dict(type='InriaDataset', data_root='data/I', split='val')
    both = [dict(type='WHUBuildingDataset', split=x) for x in ('val', 'test')]
    # mmseg's tools/test.py --tta puts the network into another one.
    model = Config.fromstring(CONFIG, '.py').model
    tta = dict(type='SegTTAModel', module=model, _delete_=True)
    few = json.dumps({'building/IoU': 95.0, 'building/Tiles': 3.0})
    # Changes of the data, and of other things.
    cases = {
        'Inria val, full': (inria, {}),
        'Inria val, buildformer': (dict(inria, protocol='buildformer'), {}),
        'Inria val, full, regions a': (dict(inria, regions=['a']), {}),
        'Inria val, full, regions bc': (dict(inria, regions='bc'), {}),
        'WHU test, some of the images': (dict(indices=3), {}),
        'WHU test': ({}, {}),
        'WHU val + WHU test': (dict(type='ConcatDataset', datasets=both), {}),
        'WHU test, TTA': ({}, dict(model=tta)),
        'WHU test, TTA d4': ({}, {'default_hooks.views.tta': 'd4'}),
        'WHU val, TTA': (
            dict(split='val'),
            {'default_hooks.views.tta': 'flips'},
        ),
        'Inria val, full, only 3 tiles': (inria, dict(text=few)),
    }
    for day, (dataset, others) in enumerate(cases.values(), 10):
        changes = others | dict(test_dataloader=dict(dataset=dataset))
        add_test(work, 70.0 + day, f'202601{day}_000000', **changes)
    rows = {row['protocol']: row for row in run()}
    assert rows.keys() == cases.keys()
    ious = [rows[name]['scores']['IoU']['mean'] for name in cases]
    assert ious == [*range(80, 90), 95]
    assert len({row['parameters'] for row in rows.values()}) == 1


def test_other_settings_are_other_rows(run, work):
    for iou, rate in (60.0, 0.01), (70.0, 0.1), (71.0, 0.2):
        home = work / str(iou)
        add_training(home, 0, **{'optim_wrapper.optimizer.lr': rate})
        add_test(home, iou, **{'test_dataloader.num_workers': int(iou)})
    names = [f'{NAME} (lr={rate})' for rate in (0.2, 0.1, 0.01)]
    assert [row['model'] for row in run()] == names


def test_the_latest_test_counts(run, work, capsys):
    add_training(work, 5)
    add_test(work, 60.0, '20260103_000000')
    add_test(work, 70.0, '20260104_000000')
    # But one of other images is another row.
    other = {'test_dataloader.dataset.data_prefix.img_path': 'there'}
    add_test(work, 50.0, '20260105_000000', **other)
    row, other = run()
    assert other['model'] == f'{NAME} (img_path=there)'
    assert row['seeds'] == [5]
    assert row['scores']['IoU'] == dict(mean=70, sd=None)
    said = capsys.readouterr().err
    assert '20260103_000000.json: a later test of the same seed' in said


def test_what_is_skipped(run, work, tmp_path, capsys):
    run(code=2)
    assert 'folder not found: ' in capsys.readouterr().err
    add_test(work / 'good', 70.0)
    add_training(work / 'untested', 0)
    add_test(work / 'classes', None, text='{"mIoU": 70.0}')
    add_test(work / 'damaged', None, text='{"mIoU"')
    (add_test(work / 'bare', 70.0) / 'vis_data' / 'config.py').unlink()
    assert len(run()) == 1
    said = capsys.readouterr().err
    reasons = dict(
        untested='trained, but without scores of mmseg-cube test',
        classes='has no IoU of buildings',
        damaged='is no file of scores',
        bare='has no vis_data/config.py beside it',
    )
    for name, reason in reasons.items():
        (line,) = (x for x in said.splitlines() if f'/{name}' in x)
        assert reason in line
    assert 'untested' in (tmp_path / 'out/leaderboard.md').read_text()


def test_folders_of_the_runner(run, work, tiny_config, capsys):
    options = {'work_dir': str(work), 'train_cfg.max_iters': 1}
    options |= {'randomness.seed': 7, 'train_dataloader.batch_size': 2}
    cfg = read_config(tiny_config, options)
    # Runners of one process share a visualizer of the same name.
    for name in ('val_dataloader', 'val_evaluator', 'val_cfg', 'visualizer'):
        cfg.pop(name)
    cfg.experiment_name = 'train'
    Runner.from_cfg(cfg.copy()).train()
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        cfg.pop(name)
    cfg.param_scheduler, cfg.experiment_name = None, 'test'
    cfg.load_from = str(work / 'iter_1.pth')
    scores = Runner.from_cfg(cfg).test()
    capsys.readouterr()
    (row,) = run()
    # The table has the end of a long path.
    root, said = row['data'], capsys.readouterr().out
    assert root not in said and '/'.join(root.split('/')[-2:]) in said
    assert row['seeds'] == [7]
    iou = pytest.approx(scores['building/IoU'])
    assert row['scores']['IoU']['mean'] == iou
