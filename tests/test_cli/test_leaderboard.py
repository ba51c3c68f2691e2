"""The command that collects tested networks."""

import csv
import json
from statistics import mean, stdev

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_cube.analysis.complexity.count import complexity
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


def run(*args):
    return main(['leaderboard', '--size', '64', *map(str, args)])


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


def add_test(home, iou, time='20260102_000000', scores=None, **changes):
    log = add_log(home, time, **changes)
    content = {'building/IoU': iou, **SCORES, **(scores or {})}
    (log / f'{time}.json').write_text(json.dumps(content))
    return log


def read(out):
    return json.loads((out / 'leaderboard.json').read_text())['rows']


def test_mean_and_spread_over_seeds(tmp_path, capsys):
    ious = 70.0, 71.0, 75.0
    for seed, iou in enumerate(ious):
        home = tmp_path / 'work' / str(seed)
        add_training(home, seed)
        if seed == 2:  # in a folder of its own
            add_test(tmp_path / 'tests', iou, load_from=str(home / 'a.pth'))
        else:
            add_test(home / 'test' if seed else home, iou)
    out = tmp_path / 'out'
    assert run(tmp_path, '--out', out) == 0
    assert 'WHU test' in capsys.readouterr().out
    (row,) = read(out)
    assert row['model'] == NAME
    assert row['protocol'] == 'WHU test'
    assert row['seeds'] == [0, 1, 2]
    assert row['scores']['IoU'] == pytest.approx(
        dict(mean=mean(ious), sd=stdev(ious))
    )
    assert row['scores']['Recall'] == dict(mean=75.5, sd=0)
    assert 'BoundaryIoU' not in row['scores']
    whole = complexity(Config.fromstring(CONFIG, '.py').model, 64)
    assert row['parameters'] == whole.parameters
    assert row['flops'] == whole.flops


def test_files(tmp_path):
    add_test(tmp_path / 'a', 70.0, scores={'building/BoundaryIoU': 50.0})
    out = tmp_path / 'out'
    assert run(tmp_path / 'a', '--out', out) == 0
    with (out / 'leaderboard.csv').open(newline='') as file:
        head, own, *quoted = csv.reader(file)
    row = dict(zip(head, own, strict=True))
    assert row['Boundary IoU'] == '50.00'
    assert row['IoU'] == '70.00'
    assert row['Source'] == 'own runs'
    assert 'Latency (ms)' not in head
    assert len(quoted) == 13
    assert all(line[-1].startswith('quoted: ') for line in quoted)
    quotes = {line[0]: dict(zip(head, line, strict=True)) for line in quoted}
    assert quotes['ConvNeXt-U-Cube']['IoU'] == '82.63'
    assert quotes['BuildFormer (Swin-T)']['Params (M)'] == '32.90'
    text = (out / 'leaderboard.md').read_text()
    assert 'cannot be compared' in text
    lines = [line for line in text.splitlines() if line.startswith('|')]
    assert len(lines) == 2 + 14
    assert len({line.count('|') for line in lines}) == 1


def test_protocols_are_not_mixed(tmp_path):
    inria = dict(type='InriaDataset', data_root='data/I', split='val')
    cases = {
        'Inria val, full': inria,
        'Inria val, buildformer': dict(inria, protocol='buildformer'),
        'Inria val, full, regions vienna': dict(inria, regions=['vienna']),
        'WHU test, some of the images': dict(indices=3),
        'WHU test': {},
    }
    work, out = tmp_path / 'work', tmp_path / 'out'
    for day, dataset in enumerate(cases.values(), 10):
        changes = dict(test_dataloader=dict(dataset=dataset))
        add_test(work, 70.0 + day, f'202601{day}_000000', **changes)
    # mmseg's tools/test.py --tta puts the network into another one.
    log = add_test(work, 90.0, '20260120_000000')
    cfg = Config.fromfile(log / 'vis_data' / 'config.py')
    cfg.model = dict(type='SegTTAModel', module=cfg.model)
    cfg.dump(log / 'vis_data' / 'config.py')
    assert run(work, '--out', out) == 0
    rows = {row['protocol']: row for row in read(out)}
    assert rows.keys() == {*cases, 'WHU test, TTA'}
    assert rows['WHU test, TTA']['scores']['IoU']['mean'] == 90
    assert rows['Inria val, full']['scores']['IoU']['mean'] == 80
    assert len({row['parameters'] for row in rows.values()}) == 1


def test_other_settings_are_other_rows(tmp_path):
    for seed, rate in enumerate((0.1, 0.2)):
        home = tmp_path / 'work' / str(seed)
        add_training(home, 0, **{'optim_wrapper.optimizer.lr': rate})
        add_test(home, 70.0 + seed)
    home = tmp_path / 'work' / '2'
    add_training(home, 0)
    add_test(home, 60.0, **{'test_dataloader.num_workers': 4})
    assert run(tmp_path / 'work', '--out', tmp_path / 'out') == 0
    assert [row['model'] for row in read(tmp_path / 'out')] == [
        f'{NAME} (lr=0.2)',
        f'{NAME} (lr=0.1)',
        f'{NAME} (lr=0.01)',
    ]


def test_the_latest_test_counts(tmp_path, capsys):
    work, out = tmp_path / 'work', tmp_path / 'out'
    add_training(work, 5)
    add_test(work, 60.0, '20260103_000000')
    add_test(work, 70.0, '20260104_000000')
    assert run(work, '--out', out) == 0
    (row,) = read(out)
    assert row['seeds'] == [5]
    assert row['scores']['IoU'] == dict(mean=70, sd=None)
    said = capsys.readouterr().err
    assert '20260103_000000.json: a later test of the same seed' in said


def test_what_is_skipped(tmp_path, capsys):
    add_test(tmp_path / 'good', 70.0)
    add_training(tmp_path / 'untested', 0)
    log = add_test(tmp_path / 'classes', 70.0)
    (log / f'{log.name}.json').write_text('{"mIoU": 70.0}')
    log = add_test(tmp_path / 'damaged', 70.0)
    (log / f'{log.name}.json').write_text('{"mIoU"')
    log = add_test(tmp_path / 'bare', 70.0)
    (log / 'vis_data' / 'config.py').unlink()
    assert run(tmp_path, '--out', tmp_path / 'out') == 0
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
    assert 'untested' in (tmp_path / 'out' / 'leaderboard.md').read_text()
    assert len(read(tmp_path / 'out')) == 1


def test_latency(tmp_path, capsys):
    add_test(tmp_path / 'a', 70.0)

    setting = dict(size=512, layout='contiguous')

    def result(name, seconds, **changes):
        return dict(
            name=name, setting=setting, measure='time',
            task='inference deployed', value=dict(median=seconds),
        ) | changes  # fmt: skip

    def write(*results):
        facts = dict(device='a processor', dtype='float32')
        path.write_text(json.dumps(dict(results=results, facts=facts)))

    path, out = tmp_path / 'speed.json', tmp_path / 'out'
    write(
        result(NAME, 9.0, task='training step'),
        result(NAME, 0.25),
        result(NAME, 1e9, measure='peak memory'),
        result(NAME, 7.0, setting=dict(setting, layout='channels_last')),
    )
    args = tmp_path / 'a', '--out', out, '--latency', path
    assert run(*args) == 0
    assert 'a processor, float32, 512 x 512' in capsys.readouterr().out
    assert read(out)[0]['latency'] == 0.25
    assert '250.00' in (out / 'leaderboard.csv').read_text()

    write(result('other', 1.0))
    assert run(*args) == 0
    assert 'no latency of these configs' in capsys.readouterr().err
    path.write_text('{}')
    assert run(*args) == 2
    said = capsys.readouterr().err
    assert 'is no speed.json of mmseg-cube speed network' in said


def test_wrong_input(tmp_path, capsys):
    assert run(tmp_path / 'missing') == 2
    assert 'there is no folder' in capsys.readouterr().err
    assert run(tmp_path, '--out', tmp_path / 'out') == 2
    assert 'no scores were found' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_folders_of_the_runner(tiny_config, tmp_path):
    work, out = tmp_path / 'work', tmp_path / 'out'
    options = {
        'work_dir': str(work),
        'randomness.seed': 7,
        'train_cfg.max_iters': 1,
        'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'test_dataloader.num_workers': 0,
        'test_dataloader.persistent_workers': False,
    }
    cfg = read_config(tiny_config, options)
    # Runners of one process share a visualizer of the same name.
    for name in ('val_dataloader', 'val_evaluator', 'val_cfg', 'visualizer'):
        cfg.pop(name)
    trainer = cfg.copy()
    trainer.experiment_name = 'train'
    Runner.from_cfg(trainer).train()
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        cfg.pop(name)
    cfg.param_scheduler = None
    cfg.experiment_name = 'test'
    cfg.load_from = str(work / 'iter_1.pth')
    scores = Runner.from_cfg(cfg).test()
    assert run(work, '--out', out) == 0
    (row,) = read(out)
    assert row['seeds'] == [7]
    iou = pytest.approx(scores['building/IoU'])
    assert row['scores']['IoU']['mean'] == iou
