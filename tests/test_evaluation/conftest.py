import numpy as np
import pytest
import torch

from mmseg_cube.evaluation import BuildingMetric


@pytest.fixture(scope='session')
def make_sample():
    """Make a sample as the evaluator hands it to a metric."""

    def make(pred, target=None, path='a.png', logits=None, **meta):
        data = dict(pred_sem_seg=pred, gt_sem_seg=target)
        out = {
            key: dict(data=torch.as_tensor(labels)[None])
            for key, labels in data.items()
            if labels is not None
        }
        if logits is not None:
            out['seg_logits'] = dict(data=torch.as_tensor(logits))
        return dict(img_path=path, **out, **meta)

    return make


@pytest.fixture(scope='session')
def evaluate():
    """Evaluate samples with a metric of the given options."""

    def evaluate(samples, data=None, **options):
        metric = BuildingMetric(**options)
        metric.dataset_meta = data
        metric.process(None, samples)
        return metric.evaluate(len(samples))

    return evaluate


@pytest.fixture
def scenes(make_sample):
    """Samples of rectangles, found with faults, with logits, some ignored."""
    rng = np.random.default_rng(0)
    out = []
    for index in range(7):
        shape = 30 + 3 * index, 41
        target = np.zeros(shape, np.int64)
        score = rng.normal(-1.5, 1, shape)
        for _ in range(5):
            y, x = rng.integers(0, shape[0] - 6), rng.integers(0, 35)
            height, width = rng.integers(3, 12, 2)
            target[y : y + height, x : x + width] = 1
            dy, dx = rng.integers(0, 3, 2)
            score[y + dy : y + height + dy, x + dx : x + width + dx] += 3
        target[:, rng.integers(0, 41) :][:, :5] = 255
        # A quarter of margins repeat, so that thresholds meet ties.
        score = np.where(rng.random(shape) < 0.25, score.round(), score)
        first = rng.normal(0, 1, shape)
        logits = np.stack([first, first + score]).astype(np.float32)
        pred = (logits[1] > logits[0]).astype(np.int64)
        out.append(make_sample(pred, target, f'town{index}.png', logits))
    return out
