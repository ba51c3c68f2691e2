import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample
from PIL import Image
from sklearn import metrics as sk
from torch.multiprocessing import start_processes
from torch.utils.data import DataLoader

from mmseg_cube.evaluation import BuildingMetric

NAMES = ('IoU', 'F1', 'Precision', 'Recall')


def sample(pred, target=None, path='a.png'):
    """Make a sample as the evaluator hands it to a metric."""
    out = SegDataSample(metainfo=dict(img_path=path))
    out.pred_sem_seg = PixelData(data=torch.as_tensor(pred)[None])
    if target is not None:
        out.gt_sem_seg = PixelData(data=torch.as_tensor(target)[None])
    return out.to_dict()


def random_samples(count=5, seed=0, ignore=True):
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        shape = 11 + index, 17
        pred = rng.integers(0, 2, shape)
        target = np.where(rng.random(shape) < 0.7, pred, 1 - pred)
        if ignore:
            target[rng.random(shape) < 0.2] = 255
        samples.append((pred, target, f'tile{index}.png'))
    return samples


def evaluate(samples, **kwargs):
    metric = BuildingMetric(**kwargs)
    metric.process({}, [sample(*each) for each in samples])
    return metric.evaluate(len(samples))


def test_counts_by_hand():
    pred = [[1, 1, 1, 0, 0, 0, 1]]
    target = [[1, 1, 0, 1, 0, 0, 255]]
    found = evaluate([(pred, target)])
    assert found == {
        'building/IoU': 50.0,
        'building/F1': pytest.approx(100 * 2 / 3, abs=1e-12),
        'building/Precision': pytest.approx(100 * 2 / 3, abs=1e-12),
        'building/Recall': pytest.approx(100 * 2 / 3, abs=1e-12),
        'building/Accuracy': pytest.approx(100 * 4 / 6, abs=1e-12),
        'building/mIoU': 50.0,
    }
    assert next(iter(found)) == 'building/IoU'


@pytest.mark.parametrize('ignore_index', [255, 254])
def test_equals_scikit_learn(ignore_index):
    samples = random_samples()
    found = evaluate(
        [(p, np.where(t == 255, ignore_index, t), n) for p, t, n in samples],
        ignore_index=ignore_index,
    )
    pred = np.concatenate([p.ravel() for p, _, _ in samples])
    target = np.concatenate([t.ravel() for _, t, _ in samples])
    pred, target = pred[target != 255], target[target != 255]
    expected = dict(
        IoU=sk.jaccard_score(target, pred),
        F1=sk.f1_score(target, pred),
        Precision=sk.precision_score(target, pred),
        Recall=sk.recall_score(target, pred),
        Accuracy=sk.accuracy_score(target, pred),
        mIoU=sk.jaccard_score(target, pred, average='macro'),
    )
    for name, value in expected.items():
        assert found[f'building/{name}'] == pytest.approx(100 * value, 1e-12)


@pytest.mark.parametrize(
    ('pred', 'target', 'recall'),
    [(0, 1, 0), (0, 0, 0), (1, 0, 0), (1, 1, 100)],
)
def test_nothing_to_judge_by_counts_as_zero(pred, target, recall):
    shape = 3, 4
    found = evaluate([(np.full(shape, pred), np.full(shape, target))])
    assert [found[f'building/{name}'] for name in NAMES] == [recall] * 4
    everything_ignored = evaluate([(np.zeros(shape), np.full(shape, 255))])
    assert set(everything_ignored.values()) == {0.0}


def test_warns_when_no_building_is_there(caplog):
    metric = BuildingMetric()
    metric.process({}, [sample([[0, 1]], [[0, 255]])])
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    metric.evaluate(1)
    logger.removeHandler(caplog.handler)
    assert 'holds no building' in caplog.text
    assert 'LoadBuildingMask' in caplog.text
    assert '| background |' in caplog.text
    assert '|  building  |' in caplog.text


def test_takes_what_segmentors_and_augmentation_give():
    pred, target, path = random_samples(1)[0]
    expected = evaluate([(pred, target, path)])
    for other in (
        torch.as_tensor(pred),
        torch.as_tensor(pred)[None].float(),
        torch.as_tensor(pred)[None].bool(),
    ):
        metric = BuildingMetric()
        batch = [sample(pred, target, path)]
        batch[0]['pred_sem_seg']['data'] = other
        metric.process({}, batch)
        assert metric.evaluate(1) == expected


def test_wide_and_flat_images_keep_their_shape():
    found = evaluate([(np.ones((1, 5)), np.ones((1, 5)))])
    assert found['building/IoU'] == 100


@pytest.mark.parametrize(
    ('pred', 'target', 'found'),
    [
        ([[0, 1]], [[0, 7]], r'ground truth holds the labels \[0, 7\]'),
        ([[0, 2]], [[0, 1]], r'prediction holds the labels \[0, 2\]'),
        ([[0, 1]], [[0, 1, 1]], r'prediction is \(1, 2\), ground.*\(1, 3\)'),
    ],
)
def test_refuses_wrong_labels_and_sizes(pred, target, found):
    metric = BuildingMetric()
    with pytest.raises(ValueError, match=rf'dir/b\.png: {found}'):
        metric.process({}, [sample(pred, target, 'dir/b.png')])


def test_ignored_pixels_may_hold_any_prediction():
    found = evaluate([([[1, 255]], [[1, 255]])])
    assert found['building/IoU'] == 100


def test_refuses_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match='format_only=True only writes'):
        BuildingMetric(format_only=True)
    with pytest.raises(ValueError, match='must not be a class.* is 1'):
        BuildingMetric(ignore_index=1)
    with pytest.raises(ValueError, match='needs a group in parentheses'):
        BuildingMetric(group_by='[a-z]+')
    metric = BuildingMetric()
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    with pytest.raises(ValueError, match='two classes.*has 3'):
        metric.process({}, [sample([[0]], [[0]])])


def test_says_what_to_do_without_ground_truth(tmp_path):
    with pytest.raises(ValueError, match='a.png has no gt_sem_seg.*format_o'):
        BuildingMetric().process({}, [sample([[0]])])
    metric = BuildingMetric(output_dir=str(tmp_path))
    with pytest.raises(ValueError, match='has no img_path'):
        metric.process(
            {}, [dict(pred_sem_seg=dict(data=torch.zeros(1, 2, 2)))]
        )


def test_scores_groups():
    samples = [
        ([[1, 0]], [[1, 1]], 'x/tyrol-w1.tif'),
        ([[1, 1]], [[1, 1]], 'x/austin1.tif'),
        ([[0, 1]], [[1, 1]], 'x/tyrol-w12.tif'),
    ]
    found = evaluate(samples, group_by='([a-z-]+)')
    assert found['building/IoU_austin'] == 100
    assert found['building/IoU_tyrol-w'] == 50
    assert found['building/Accuracy_tyrol-w'] == 50
    assert found['building/IoU'] == pytest.approx(100 * 4 / 6)
    with pytest.raises(ValueError, match='12.tif: its stem does not match'):
        evaluate([([[1]], [[1]], '12.tif')], group_by='([a-z-]+)')


def test_writes_masks_as_the_test_script_asks(tmp_path):
    out = tmp_path / 'out'
    metric = METRICS.build(
        dict(type='BuildingMetric', output_dir=str(out), keep_results=True)
    )
    pred, target, _ = random_samples(1)[0]
    # The same sample twice, as a sampler pads it.
    batch = [sample(pred, target, 'there/city.7.tif')] * 2
    metric.process({}, batch)
    assert metric.evaluate(1)['building/IoU'] > 0
    (path,) = out.iterdir()
    assert path.name == 'city.7.png'
    with Image.open(path) as image:
        assert image.mode == 'L'
        np.testing.assert_array_equal(np.asarray(image), pred * 255)


def test_format_only_writes_and_scores_nothing(tmp_path):
    metric = BuildingMetric(format_only=True, output_dir=str(tmp_path / 'o'))
    metric.process({}, [sample([[0, 1]], None, f'{n}.jpg') for n in 'ab'])
    assert metric.evaluate(2) == {}
    assert sorted(p.name for p in (tmp_path / 'o').iterdir()) == [
        'a.png',
        'b.png',
    ]


def test_never_overwrites_another_image(tmp_path):
    metric = BuildingMetric(output_dir=str(tmp_path))
    metric.process({}, [sample([[1]], [[1]], 'train/1.tif')])
    with pytest.raises(ValueError, match='train/1.tif and val/1.tif would'):
        metric.process({}, [sample([[0]], [[1]], 'val/1.tif')])
    # Another process has seen the second one.
    (result,) = metric.results
    with pytest.raises(ValueError, match='would both be written as 1.png'):
        metric.compute_metrics([result, ('val/1.tif', *result[1:])])


class Constant(BaseModel):
    """Predict buildings for more images in every epoch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.epoch = 0

    def forward(self, inputs, data_samples, mode):
        if mode == 'loss':
            self.epoch += 1
            return dict(loss=self.weight.sum())
        for index, data_sample in enumerate(data_samples):
            pred = torch.full((1, 2, 2), int(index < self.epoch))
            data_sample.pred_sem_seg = PixelData(data=pred)
        return data_samples


def test_saves_the_best_checkpoint(tmp_path):
    init_default_scope('mmseg')
    data = []
    for index in range(2):
        truth = SegDataSample(metainfo=dict(img_path=f'{index}.png'))
        truth.gt_sem_seg = PixelData(data=torch.ones(1, 2, 2).long())
        data.append(dict(inputs=torch.zeros(3, 2, 2), data_samples=truth))
    loader = dict(
        batch_size=2,
        dataset=data,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'),
    )
    runner = Runner(
        model=Constant(),
        work_dir=str(tmp_path),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=loader,
        val_cfg=dict(),
        val_evaluator=dict(type='BuildingMetric'),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                save_best='building/IoU',
                rule='greater',
            )
        ),
        experiment_name='test_saves_the_best_checkpoint',
        default_scope='mmseg',
    )
    runner.train()
    (hook,) = (h for h in runner.hooks if isinstance(h, CheckpointHook))
    assert hook.best_ckpt_path == str(
        tmp_path / 'best_building_IoU_epoch_2.pth'
    )
    assert not (tmp_path / 'best_building_IoU_epoch_1.pth').exists()
    assert runner.message_hub.get_info('best_score') == 100


def run_rank(rank, world, folder):
    """Evaluate seven images as one of several processes."""
    if world > 1:
        torch.distributed.init_process_group(
            'gloo', f'file://{folder}/store', rank=rank, world_size=world
        )
    samples = [sample(*each) for each in random_samples(7)]
    found = []
    for batch_size in (1, 3):
        metric = BuildingMetric(
            collect_dir=None if world == 1 else str(folder / f'{batch_size}'),
            output_dir=str(folder / f'out{world}'),
            group_by='(tile[0-3]|tile)',
            boundary=dict(width=1),
            objects=dict(),
            report_dir=str(folder / f'report{world}'),
        )
        loader = DataLoader(
            samples,
            batch_size,
            sampler=DefaultSampler(samples, shuffle=False),
            collate_fn=list,
        )
        for batch in loader:
            metric.process(None, batch)
        found.append(metric.evaluate(len(samples)))
    (folder / f'{world}-{rank}.json').write_text(json.dumps(found))
    if world > 1:
        torch.distributed.destroy_process_group()


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs os.fork')
def test_two_processes_give_the_result_of_one(tmp_path):
    # A process of its own: forking one that has run threads may lock up.
    subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        check=True,
        timeout=120,
    )
    one, first, second = (
        json.loads((tmp_path / f'{name}.json').read_text())
        for name in ('1-0', '2-0', '2-1')
    )
    assert one[0] == one[1]
    for name in ('IoU', 'BoundaryIoU', 'ObjectF1'):
        assert 0 < one[0][f'building/{name}'] < 100
    assert first == one
    assert second == one
    names = sorted(path.name for path in (tmp_path / 'out2').iterdir())
    assert names == [f'tile{index}.png' for index in range(7)]
    reports = [
        (tmp_path / f'report{world}' / 'metrics.json').read_text()
        for world in (1, 2)
    ]
    assert reports[0] == reports[1]


def test_works_in_an_evaluator():
    evaluator = Evaluator([dict(type='BuildingMetric', prefix='roofs')])
    evaluator.dataset_meta = dict(classes=('background', 'building'))
    out = SegDataSample(metainfo=dict(img_path='a.png'))
    out.pred_sem_seg = PixelData(data=torch.ones(1, 2, 2))
    out.gt_sem_seg = PixelData(data=torch.ones(1, 2, 2).long())
    evaluator.process([out])
    assert evaluator.evaluate(1)['roofs/IoU'] == 100


if __name__ == '__main__':
    # Not in the forked processes: there torch waits for threads it lost.
    torch.set_num_threads(1)
    run_rank(0, 1, Path(sys.argv[1]))
    start_processes(
        run_rank, (2, Path(sys.argv[1])), nprocs=2, start_method='fork'
    )
