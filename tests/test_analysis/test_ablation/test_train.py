"""Real trainings of a few iterations, in this process."""

import json
from pathlib import Path

import pytest
from filelock import FileLock
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_cube.analysis.ablation.scores import add_tuned_iou, ask_for_curves
from mmseg_cube.analysis.ablation.study import LOCK, TAKEN
from mmseg_cube.analysis.ablation.train import AblationHook, main

ITERATIONS = 3
METRIC = dict(type='BuildingMetric')


class Stop(Exception):
    """Stands for a kill."""


@pytest.fixture
def watch(monkeypatch):
    """Images of every iteration; ``stop`` is one before which to stop."""

    class Watch:
        images, stop = [], None

    watch, note = Watch(), AblationHook.before_train_iter

    def before_train_iter(hook, runner, batch_idx, data_batch=None):
        if runner.iter == watch.stop:
            raise Stop
        (sample,) = data_batch['data_samples']
        watch.images.append(Path(sample.img_path).name)
        note(hook, runner, batch_idx, data_batch)

    monkeypatch.setattr(AblationHook, 'before_train_iter', before_train_iter)
    watch.images = []
    return watch


def carry_out(run):
    run.keep_config()
    assert main(str(run.folder)) == 0
    return json.loads(run.result.read_text())


def test_two_variants_and_a_stopped_run(plan, sample_city, watch, monkeypatch):
    baseline_run, cube_run = plan('baseline', 'full').runs
    baseline = carry_out(baseline_run)
    images = watch.images.copy()
    assert len(images) == ITERATIONS

    # The other one begins anew, because its checkpoint is lost, and is
    # stopped; and a study can be moved.
    watch.images.clear()
    watch.stop = 2
    cube_run.keep_config()
    (cube_run.folder / 'last_checkpoint').write_text('iter_2.pth')
    with pytest.raises(Stop):
        carry_out(cube_run)
    assert not cube_run.result.exists()
    note = cube_run.folder / 'last_checkpoint'
    note.write_text('elsewhere/' + Path(note.read_text()).name)
    watch.stop = None
    with monkeypatch.context() as patch:
        patch.setattr(Runner, 'test', lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            carry_out(cube_run)
    assert watch.images == images
    # Now only scores are missing.
    cube = carry_out(cube_run)
    assert watch.images == images
    assert cube['resumed'] == [2] and baseline['resumed'] == []
    kept = [path.name for path in cube_run.folder.glob('*.pth')]
    assert kept == [f'iter_{ITERATIONS}.pth']

    assert cube['variant'] == 'full' and cube['seed'] == 0
    assert cube['config'] == 'cube-tiny'
    assert (cube['iterations'], cube['batch']) == (ITERATIONS, 1)
    assert (cube['data'], cube['images']) == ('whu', 4)
    assert cube['parameters'] < baseline['parameters']
    assert cube['flops'] < baseline['flops']
    assert cube['cubes'].startswith('Cube kernels: 8 of 17')
    assert len(cube['loss']) == ITERATIONS and min(cube['loss']) > 0
    assert 0 < cube['seconds_per_iteration'] < cube['train_seconds']
    assert 'torch' in cube['machine'] and 'mmseg_cube' in cube['versions']
    for result in baseline, cube:
        for split in ('val', 'test'):
            assert 0 <= result[split]['building/IoU'] <= 100
            assert 0 <= result[split]['building/AveragePrecision'] <= 100
    val, test = cube['val'], cube['test']
    assert val.get('building/TunedIoU') == val.get('building/BestIoU')
    assert ('building/TunedIoU' in test) == ('building/BestIoU' in val)


def test_a_finished_run_and_one_of_another_process_are_left(plan, watch):
    (run,) = plan('reconstruction').runs
    run.keep_config()
    with FileLock(run.folder / LOCK):
        assert main(str(run.folder)) == TAKEN
    run.result.write_text('{}')
    assert carry_out(run) == {}
    assert watch.images == []


def ask(folder, head=None, **changed):
    metrics = dict(val_evaluator=METRIC, test_evaluator=METRIC) | changed
    head = head or dict(out_channels=2)
    cfg = Config(dict(model=dict(decode_head=head), **metrics))
    ask_for_curves(cfg, folder)
    return cfg


def test_curves_go_into_folders_of_their_own(tmp_path):
    cfg = ask(tmp_path, val_evaluator=dict(METRIC, curve=dict(thresholds=9)))
    assert cfg.val_evaluator.curve == dict(thresholds=9)
    assert cfg.test_evaluator.curve == {}
    assert cfg.val_evaluator.report_dir == str(tmp_path / 'val')
    assert cfg.test_evaluator.report_dir == str(tmp_path / 'test')


@pytest.mark.parametrize(
    'head, metric',
    [
        (None, dict(METRIC, threshold=0.3)),
        (None, dict(type='IoUMetric')),
        (None, [METRIC]),
        (dict(out_channels=1), METRIC),
        ([dict(), dict(out_channels=1)], METRIC),
    ],
)
def test_metrics_without_a_curve_stay(tmp_path, head, metric):
    cfg = ask(tmp_path, head, val_evaluator=metric)
    assert cfg.val_evaluator == metric


def test_the_threshold_comes_from_val(tmp_path):
    best = {'building/BestThreshold': 0.3, 'building/BestIoU': 60.0}
    without = dict(val=best, test={})
    add_tuned_iou(without, tmp_path)
    assert without == dict(val=best, test={})
    points = [dict(threshold=0.3, IoU=40.0), dict(threshold=0.5, IoU=50.0)]
    (tmp_path / 'test').mkdir()
    (tmp_path / 'test/curve.json').write_text(json.dumps(dict(points=points)))
    scores = dict(val=best.copy(), test={})
    add_tuned_iou(scores, tmp_path)
    assert scores['val']['building/TunedIoU'] == 60
    assert scores['test'] == {'building/TunedIoU': 40}
    # Where nothing is found, no threshold is best.
    scores = dict(val={}, test={})
    add_tuned_iou(scores, tmp_path)
    assert scores == dict(val={}, test={})
