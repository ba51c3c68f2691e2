"""Variants that train side by side, against trainings one by one."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_cube.analysis.ablation.results import TUNED
from mmseg_cube.analysis.ablation.scoring import load_tiles
from mmseg_cube.analysis.ablation.train import train
from mmseg_cube.analysis.ablation.trainee import HeldOrder
from mmseg_cube.analysis.gradients.report import load_series
from mmseg_cube.layers import ChannelRouter
from mmseg_cube.utils.checkpoints import read_checkpoint

# Dropout draws from what other networks draw from as well, and the loops of
# the two stacks begin to draw before or after weights are initialised.
PLAIN = {
    'model.decode_head.dropout_ratio': 0,
    'model.decode_head.init_cfg': [],
    'model.backbone.init_cfg': [],
    'train_cfg.max_iters': 5,  # more than there are images
    'train_dataloader.sampler.type': 'DefaultSampler',
    'val_evaluator.curve': {},
    'test_evaluator.curve': {},
}


def load(run):
    weights = run.folder / f'iter_{run.cfg.train_cfg.max_iters}.pth'
    result = json.loads(run.result.read_text())
    return result, read_checkpoint(weights)['state_dict']


EMA = {'default_hooks.ema': dict(type='EMAHook', momentum=0.3)}
STATISTICS = {
    'default_hooks.ema': dict(EMA['default_hooks.ema'], update_buffers=True)
}


# Images of validation and test at half their resolution, masks whole.
HALF = {
    f'{split}_dataloader.dataset.pipeline': [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale_factor=0.5, keep_ratio=True),
        dict(type='LoadBuildingMask'),
        dict(type='PackSegInputs'),
    ]
    for split in ('val', 'test')
}


@pytest.mark.parametrize(
    'options, variants',
    [
        (HALF, ['baseline', 'full']),
        (EMA, ['full']),
        (STATISTICS, ['baseline']),
    ],
)
def test_the_same_as_by_the_runner(plan, options, variants):
    study = plan(*variants, **PLAIN, **options)
    assert train(study, 'cpu') == []
    results = []
    for run in study.runs:
        found, weights = load(run)
        results.append(found)
        series = load_series(run.cfg, ['init', run.folder / 'iter_5.pth'], 0)
        assert [iteration for iteration, _ in series] == [0, 5]
        cfg = Config(dict(run.cfg.to_dict(), work_dir=str(run.folder)))
        runner = Runner.from_cfg(cfg)
        runner.train()
        losses, _ = runner.message_hub.get_scalar('train/loss').data
        assert found['loss'] == pytest.approx(losses, rel=1e-4)
        _, right = load(run)  # the Runner's own, averaged if asked for
        for name, value in right.items():
            if value.is_floating_point():
                torch.testing.assert_close(weights[name], value, msg=name)
        runner.model.load_state_dict(right)
        for split in ('val', 'test'):
            scores = getattr(runner, split)()
            for key in ('IoU', 'F1', 'AveragePrecision'):
                key = f'building/{key}'
                right = pytest.approx(scores[key], abs=0.05)
                assert found[split][key] == right
            tuned = scores.get('building/BestIoU')
            assert split == 'test' or found[split].get(TUNED) == tuned
        expected = dict(variant=run.variant, seed=0, config='cube-tiny')
        expected |= dict(images=4, iterations=5, batch=1, data='whu')
        assert expected.items() <= found.items()
        assert found['seconds_per_iteration'] > 0
        assert {'torch', 'device', 'mmseg_cube'} <= set(found['machine'])
    costs = [(found['parameters'], found['flops']) for found in results]
    assert costs == sorted(costs, reverse=True)


def test_a_training_that_diverges_has_no_result(plan, capsys):
    wild = {'optim_wrapper.optimizer.lr': 1e30, 'train_cfg.max_iters': 3}
    study = plan('mask', **wild)
    assert train(study, 'cpu') == study.runs
    said = capsys.readouterr().out
    assert 'failed: mask, seed 0: no loss at iteration' in said
    assert not list(study.root.rglob('*.pth'))


@pytest.mark.parametrize(
    'options, message',
    [
        (
            {'param_scheduler': [dict(type='ConstantLR', by_epoch=True)]},
            'a schedule of epochs',
        ),
        ({'default_hooks.ema': dict(type='EMAHook', interval=9)}, 'interval'),
        ({'optim_wrapper.accumulative_counts': 2}, 'a step on each batch'),
        (
            {
                'model.auxiliary_head': dict(
                    type='FCNHead', in_channels=16, channels=8, num_classes=2
                )
            },
            'auxiliary head',
        ),
        (
            {'model.decode_head.sampler': dict(type='OHEMPixelSampler')},
            'sampler',
        ),
        ({'model.decode_head.out_channels': 1}, 'two logits'),
    ],
)
def test_what_cannot_train_side_by_side(plan, options, message):
    with pytest.raises(ValueError, match=message):
        train(plan('full', **options), 'cpu')


def test_other_metrics_know_no_groups(plan):
    (run,) = plan('full', val_evaluator=[dict(type='IoUMetric')]).runs
    found = load_tiles(run.cfg)['val']
    assert {x for *_, groups in found for x in groups} == {None}


def test_a_held_order_is_that_of_its_router():
    router = ChannelRouter(32)
    with torch.no_grad():
        router.logits.normal_()
    free = ChannelRouter(32)
    free.load_state_dict(router.state_dict())
    held = HeldOrder(router)
    for found, right in zip(router._learned(), free._learned(), strict=True):
        torch.testing.assert_close(found, right)
    with torch.no_grad():
        router.logits.normal_()
    free.load_state_dict(router.state_dict())
    before = held.order.clone()  # holds until it is looked at again
    assert router._learned()[0].equal(before)
    assert not free._learned()[0].equal(before)
    held.refresh()
    for found, right in zip(router._learned(), free._learned(), strict=True):
        torch.testing.assert_close(found, right)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('variant', ['baseline', 'full'])
def test_a_recorded_step_is_a_step(plan, variant):  # pragma: no cover
    study = plan(variant, **PLAIN)
    assert train(study, 'cuda') == []
    found, _ = load(study.runs[0])
    study.runs[0].result.unlink()
    assert train(study, 'cpu') == []
    right, _ = load(study.runs[0])
    assert found['loss'] == pytest.approx(right['loss'], rel=0.05)
