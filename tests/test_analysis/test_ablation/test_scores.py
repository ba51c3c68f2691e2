import json

import pytest
from mmengine.config import Config

from mmseg_cube.analysis.ablation.scores import ask_for_curves, tuned_iou

METRIC = dict(type='BuildingMetric')


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


def write(folder, split, best, *points):
    (folder / split).mkdir()
    points = [dict(threshold=t, IoU=iou) for t, iou in points]
    content = dict(best=best and dict(threshold=best), points=points)
    (folder / split / 'curve.json').write_text(json.dumps(content))


def test_threshold_comes_from_val(tmp_path):
    assert tuned_iou(tmp_path) == {}
    write(tmp_path, 'val', 0.3, (0.3, 60), (0.5, 55))
    assert tuned_iou(tmp_path) == {}
    write(tmp_path, 'test', None, (0.3, 40), (0.5, 50))
    assert tuned_iou(tmp_path) == {
        'val': {'building/TunedIoU': 60},
        'test': {'building/TunedIoU': 40},
    }


def test_nothing_found_has_no_threshold(tmp_path):
    write(tmp_path, 'val', None, (0.5, 0))
    write(tmp_path, 'test', None, (0.5, 0))
    assert tuned_iou(tmp_path) == {}
