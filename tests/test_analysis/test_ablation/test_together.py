"""Variants that train side by side, against trainings one by one."""

import json

import pytest
import torch

from mmseg_cube.analysis.ablation import train
from mmseg_cube.analysis.ablation.together import train_together
from mmseg_cube.analysis.ablation.trainee import HeldOrder
from mmseg_cube.layers import ChannelRouter, CubeConv2d
from mmseg_cube.utils.checkpoints import read_checkpoint

# Dropout draws from what other networks draw from as well, and the loops of
# the two stacks begin to draw before or after weights are initialised.
PLAIN = {
    'model.decode_head.dropout_ratio': 0,
    'model.decode_head.init_cfg': [],
    'model.backbone.init_cfg': [],
    'train_cfg.max_iters': 4,
}


def load(run):
    (weights,) = run.folder.glob('iter_*.pth')
    result = json.loads(run.result.read_text())
    return result, read_checkpoint(weights)['state_dict']


def test_the_same_as_one_by_one(plan, tmp_path, monkeypatch):
    study = plan('baseline', 'full', **PLAIN)
    assert train_together(study, 'cpu') == []
    together = [load(run) for run in study.runs]
    (tmp_path / 'ablation.md').unlink()
    for (found, weights), run in zip(together, study.runs, strict=True):
        run.result.unlink()
        for file in run.folder.glob('*.pth'):
            file.unlink()
        train.main(str(run.folder))
        alone, right = load(run)
        assert found['digest'] == alone['digest']
        assert found['seconds_per_iteration'] > 0
        assert found['loss'] == pytest.approx(alone['loss'], rel=1e-4)
        for name, value in right.items():
            torch.testing.assert_close(weights[name], value, msg=name)
        for split in ('val', 'test'):
            for key in ('IoU', 'F1', 'AveragePrecision'):
                key = f'building/{key}'
                right = pytest.approx(alone[split][key], abs=0.05)
                assert found[split][key] == right
        for key in ('variant', 'seed', 'images', 'batch', 'parameters'):
            assert found[key] == alone[key]


def test_finished_runs_stay_and_a_report_is_written(plan, tmp_path, capsys):
    short = {'train_cfg.max_iters': 2}
    first = plan('baseline', 'router+router.method=sort', **short)
    assert train_together(first, 'cpu') == []
    before = [run.result.stat().st_mtime_ns for run in first.runs]
    more = plan('baseline', 'router+router.method=sort', 'mask', **short)
    assert train_together(more, 'cpu') == []
    assert before == [r.result.stat().st_mtime_ns for r in more.runs[:2]]
    report = (tmp_path / 'ablation.md').read_text()
    assert '3 of 3 runs finished' in report
    assert 'same order. Except' in report and 'none' in report
    assert (tmp_path / 'ablation.png').exists()


def test_a_training_that_diverges_has_no_result(plan, capsys):
    wild = {'optim_wrapper.optimizer.lr': 1e30, 'train_cfg.max_iters': 3}
    study = plan('mask', **wild)
    assert train_together(study, 'cpu') == study.runs
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
        (
            {
                'model.auxiliary_head': dict(
                    type='FCNHead', in_channels=16, channels=8, num_classes=2
                )
            },
            'without auxiliary head',
        ),
    ],
)
def test_what_cannot_train_side_by_side(plan, options, message):
    with pytest.raises(ValueError, match=message):
        train_together(plan('full', **options), 'cpu')


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
    held.refresh()
    for found, right in zip(router._learned(), free._learned(), strict=True):
        torch.testing.assert_close(found, right)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('variant', ['baseline', 'full'])
def test_a_recorded_step_is_a_step(plan, variant):  # pragma: no cover
    study = plan(variant, **PLAIN)
    assert train_together(study, 'cuda') == []
    found, _ = load(study.runs[0])
    study.runs[0].result.unlink()
    assert train_together(study, 'cpu') == []
    right, _ = load(study.runs[0])
    assert found['loss'] == pytest.approx(right['loss'], rel=0.05)


SHARES = dict(
    ShuffledGroupConv2d=9 * 32 * 16 // 4,
    SeparableConv2d=9 * 32 + 32 * 16,
    PartialConv2d=9 * 8 * 8 + 32 * 16,
    SharedCubePointwiseConv2d=9 * 32 * 16 // 16 + 16 * 16,
)


@pytest.mark.parametrize('name', SHARES)
def test_peers_have_the_weights_that_they_say(name):
    from mmcv.cnn import ConvModule
    from mmengine.registry import MODELS

    from mmseg_cube.analysis.ablation import peers

    cfg = dict(type=name)
    module = ConvModule(32, 16, 3, padding=1, conv_cfg=cfg, norm_cfg=None)
    conv = module.conv
    assert isinstance(conv, MODELS.get(name))
    assert isinstance(conv, getattr(peers, name))
    weights = [p.numel() for n, p in conv.named_parameters() if 'weight' in n]
    assert sum(weights) == SHARES[name]
    assert module(torch.randn(2, 32, 6, 8)).shape == (2, 16, 6, 8)
    cubes = [part for part in conv.modules() if type(part) is CubeConv2d]
    assert len(cubes) == (name == 'SharedCubePointwiseConv2d')


def test_peers_mix_what_they_should():
    """Which inputs an output depends on, and where."""
    from mmseg_cube.analysis.ablation import peers

    x = torch.randn(1, 8, 5, 5, requires_grad=True)
    group = peers.ShuffledGroupConv2d(8, 4, 3, padding=1, bias=False)
    (grad,) = torch.autograd.grad(group(x)[0, 0, 2, 2], x)
    # Of four groups the first gets every second channel of eight.
    reached = grad[0].flatten(1).any(1).nonzero().flatten().tolist()
    assert reached == group.order[:2].tolist() == [0, 2]
    partial = peers.PartialConv2d(8, 4, 3, padding=1, bias=False)
    (grad,) = torch.autograd.grad(partial(x)[0, 0, 2, 2], x)
    places = [len(channel.nonzero()) for channel in grad[0]]
    assert places == [9, 9, 1, 1, 1, 1, 1, 1]
