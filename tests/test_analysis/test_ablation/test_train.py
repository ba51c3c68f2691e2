"""Real trainings of a few iterations, in this process."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_cube.analysis.ablation import train

ITERATIONS = 3
METRIC = dict(type='BuildingMetric')


class Stop(Exception):
    """Stands for a kill."""


@pytest.fixture
def watch(monkeypatch):
    """Images of every iteration; ``stop`` is one before which to stop."""

    watch = SimpleNamespace(images=[], stop=None)
    hooks = train.AblationHook
    note = hooks.before_train_iter

    def begin(hook, runner, batch_idx, data_batch=None):
        if runner.iter == watch.stop:
            raise Stop
        (sample,) = data_batch['data_samples']
        watch.images.append(Path(sample.img_path).name)
        note(hook, runner, batch_idx, data_batch)

    monkeypatch.setattr(hooks, 'before_train_iter', begin)
    return watch


def carry_out(run):
    run.folder.mkdir(parents=True, exist_ok=True)
    run.keep_config()
    train.main(str(run.folder))
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
    cube_run.folder.mkdir(parents=True)
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
    kept = [path.name for path in cube_run.folder.glob('*.pth')]
    assert kept == [f'iter_{ITERATIONS}.pth']

    expected = dict(variant='full', seed=0, config='cube-tiny', images=4)
    expected |= dict(iterations=ITERATIONS, batch=1, data='whu')
    assert expected.items() <= cube.items()
    for cost in 'parameters', 'flops':
        assert cube[cost] < baseline[cost]
    assert len(cube['loss']) == ITERATIONS and min(cube['loss']) > 0
    assert cube['seconds_per_iteration'] > 0
    assert {'torch', 'device', 'mmseg_cube'} <= set(cube['machine'])
    for split in ('val', 'test'):
        assert 0 <= cube[split]['building/IoU'] <= 100
        assert 0 <= cube[split]['building/AveragePrecision'] <= 100
    val, test = cube['val'], cube['test']
    assert val.get('building/TunedIoU') == val.get('building/BestIoU')
    assert ('building/TunedIoU' in test) == ('building/BestIoU' in val)


@pytest.mark.parametrize(
    'head, metric, asked',
    [
        (dict(), METRIC, True),
        (dict(), dict(METRIC, threshold=0.3), False),
        (dict(), [METRIC], False),
        ([dict(), dict(out_channels=1)], METRIC, False),
    ],
)
def test_metrics_that_can_are_asked_for_curves(tmp_path, head, metric, asked):
    evaluators = dict(val_evaluator=metric, test_evaluator=METRIC)
    cfg = Config(dict(model=dict(decode_head=head), **evaluators))
    train.ask_for_curves(cfg, tmp_path)
    if asked:
        metric = dict(metric, curve={}, report_dir=str(tmp_path / 'val'))
    assert cfg.val_evaluator == metric


def test_the_threshold_comes_from_val(tmp_path):
    points = [dict(margin=-1.0, IoU=40.0), dict(margin=1.0, IoU=50.0)]
    # Where nothing is found, no threshold is best.
    found = dict(margin=-0.5, IoU=60.0)
    for best, tuned in (found, [60, 42.5]), (None, [None, None]):
        for split in ('val', 'test'):
            curve = tmp_path / split / 'curve.json'
            curve.parent.mkdir(exist_ok=True)
            curve.write_text(json.dumps(dict(points=points, best=best)))
        scores = dict(val={}, test={})
        train.add_tuned_iou(scores, tmp_path)
        assert [x.get(train.TUNED) for x in scores.values()] == tuned
