import time

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from PIL import Image
from torch import nn

from mmseg_cube.analysis.benchmark.chart import Panel, draw_ratios
from mmseg_cube.analysis.benchmark.rounds import Spread
from mmseg_cube.analysis.network_speed.calls import TrainingStep, build_calls
from mmseg_cube.analysis.network_speed.candidates import (
    DEPLOYED,
    INFERENCE,
    TASKS,
    THROUGHPUT,
    TRAINING,
    Setting,
    build_network,
    read_configs,
)
from mmseg_cube.analysis.network_speed.clock import WHOLE
from mmseg_cube.analysis.network_speed.comparison import (
    MEASURES,
    MEMORY,
    TIME,
    Result,
    compare,
)
from mmseg_cube.analysis.network_speed.profile import profile
from mmseg_cube.analysis.operator_speed.candidates import LAYOUTS
from mmseg_cube.layers import learned_routers
from mmseg_cube.models.decode_heads.unet_head import UNetLevel

BASELINE = """
default_scope = 'mmseg'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(
        type='mmpretrain.ConvNeXt',
        arch=dict(depths=[1, 1], channels=[8, 16]),
        out_indices=[0, 1],
        gap_before_final_norm=False,
        init_cfg=dict(type='Pretrained', checkpoint='missing.pth'),
    ),
    decode_head=dict(
        type='UNetHead',
        in_channels=[8, 16],
        widths=[8, 8],
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type='SyncBN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    accumulative_counts=4,
    optimizer=dict(type='AdamW', lr=10.0, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0),
    clip_grad=dict(max_norm=1e-3),
)
"""
CUBE = """
_base_ = './small.py'
cube = dict(type='CubeConv2d', router=dict(), mask=dict())
model = dict(decode_head=dict(conv_cfg=cube))
"""
SMALL = Setting(size=32)


@pytest.fixture
def paths(tmp_path):
    paths = [tmp_path / 'small.py', tmp_path / 'cube-small.py']
    for path, text in zip(paths, (BASELINE, CUBE), strict=True):
        path.write_text(text)
    return paths


@pytest.fixture
def cfgs(paths):
    return read_configs(paths)


def norms_of(model):
    return [m for m in model.modules() if 'BatchNorm' in type(m).__name__]


def test_names_tell_configs_apart(paths, tmp_path):
    assert list(read_configs(paths)) == ['small', 'cube-small']
    (tmp_path / 'other').mkdir()
    twin = tmp_path / 'other' / 'small.py'
    twin.write_text(BASELINE)
    names = [str(paths[0]), str(twin)]
    assert list(read_configs([paths[0], twin])) == names


def test_what_cannot_be_compared_is_said(paths, tmp_path):
    with pytest.raises(ValueError, match=r'nothing to compare .*small\.py w'):
        read_configs(paths[:1])
    with pytest.raises(ValueError, match=r'small\.py is given twice'):
        read_configs([*paths, paths[0]])
    with pytest.raises(ValueError, match=r'missing\.py'):
        read_configs([*paths, tmp_path / 'missing.py'])
    for part in ('model', 'optim_wrapper'):
        bare = tmp_path / 'bare.py'
        bare.write_text(BASELINE + f'del {part}\n')
        with pytest.raises(ValueError, match=rf'bare\.py has no {part}'):
            read_configs([paths[0], bare])


def test_only_segmentors_are_measured(cfgs):
    cfg = Config(dict(model=cfgs['small'].model.backbone))
    with pytest.raises(ValueError, match='must be a segmentor.*ConvNeXt'):
        build_network(cfg)


def test_weights_are_random_and_routers_trained(cfgs):
    model = build_network(cfgs['cube-small'])
    # The checkpoint that the config names does not exist.
    model.init_weights()
    model = build_network(cfgs['cube-small'])
    routers = learned_routers(model).values()
    assert len(routers) == 4
    for router in routers:
        identity = torch.arange(router.channels)
        assert not torch.equal(router.permutation(), identity)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_inference_is_done_as_asked_for(cfgs, dtype, layout):
    setting = Setting(32, 3, dtype, layout)
    seen = []
    hook = nn.modules.module.register_module_forward_pre_hook(
        lambda module, args: seen.append((module, args[0]))
    )
    try:
        for task, images in {INFERENCE: 1, DEPLOYED: 1, THROUGHPUT: 3}.items():
            for call in build_calls(cfgs, task, setting).values():
                logits = call()
                assert logits.shape == (images, 2, 16, 16)
                assert logits.dtype == dtype
                assert logits.is_inference()
    finally:
        hook.remove()
    assert not any(module.training for module, _ in seen)
    inputs = [x for _, x in seen if torch.is_tensor(x) and x.shape[1] == 3]
    assert all(x.is_contiguous(memory_format=LAYOUTS[layout]) for x in inputs)


@pytest.mark.parametrize('task', [DEPLOYED, THROUGHPUT])
def test_deployed_networks_have_no_norms(cfgs, task, monkeypatch):
    calls = build_calls(cfgs, task, SMALL).values()
    trained = build_calls(cfgs, INFERENCE, SMALL).values()
    monkeypatch.setattr(F, 'batch_norm', None)
    for call in calls:
        call()
    for call in trained:
        with pytest.raises(TypeError):
            call()


def test_training_step_is_whole_and_stays_in_place(cfgs):
    for cfg in cfgs.values():
        step = TrainingStep(cfg, SMALL)
        model, optimizer = step.model, step.optim.optimizer
        assert all(module.training for module in norms_of(model))
        assert all(type(m) is not nn.SyncBatchNorm for m in model.modules())
        weights = [p.detach().clone() for p in model.parameters()]
        means = [norm.running_mean.clone() for norm in norms_of(model)]
        assert means
        step()
        # Every parameter had a gradient and was moved by nothing.
        assert isinstance(optimizer, torch.optim.AdamW)
        assert set(optimizer.state) == set(model.parameters())
        assert all(p.grad is None for p in model.parameters())
        for old, new in zip(weights, model.parameters(), strict=True):
            assert torch.equal(old, new)
        for old, norm in zip(means, norms_of(model), strict=True):
            assert not torch.equal(old, norm.running_mean)
        # As the config has it.
        decays = {group['weight_decay'] for group in optimizer.param_groups}
        assert decays == {0.0, 0.05}
        gradients = torch.cat(
            [x['exp_avg'].flatten() for x in optimizer.state.values()]
        )
        # AdamW starts with a tenth of the clipped gradient.
        assert gradients.norm() <= 1.01e-4


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_training_is_autocast(cfgs, dtype):
    step = TrainingStep(cfgs['small'], Setting(32, dtype=dtype))
    seen = []
    step.model.decode_head.conv_seg.register_forward_hook(
        lambda module, args, output: seen.append((args[0], output))
    )
    assert step.losses().dtype == torch.float32
    assert seen[0][0].shape[0] == 2
    assert seen[0][1].dtype == dtype
    assert {p.dtype for p in step.model.parameters()} == {torch.float32}


@pytest.mark.parametrize('task', TASKS)
def test_compare_refers_to_the_first(cfgs, task):
    results = compare(cfgs, task, SMALL, repeats=2)
    keys = [(r.measure, r.name) for r in results]
    assert set(keys) == {(m, name) for m in MEASURES for name in cfgs}
    assert len(keys) == 4
    by_key = dict(zip(keys, results, strict=True))
    for result in results:
        assert result.reference == 'small'
        assert result.value.low > 0
        assert result.images == (1 if 'inference' in task else 2)
    for measure in MEASURES:
        baseline = by_key[measure, 'small']
        assert baseline.is_reference
        assert baseline.ratio == (1, 1, 1)
    ratio = by_key[MEMORY, 'cube-small'].ratio.median
    small, cube = (by_key[MEMORY, name].value.median for name in cfgs)
    assert ratio == cube / small


def test_memory_is_that_of_the_activations(cfgs):
    def measure(batch):
        setting = Setting(64, batch)
        results = compare(cfgs, THROUGHPUT, setting, repeats=1)
        return next(r.value.median for r in results if r.measure == MEMORY)

    assert measure(8) == pytest.approx(2 * measure(4), rel=0.1)


@pytest.mark.parametrize(
    ('task', 'measure', 'bar'),
    [
        (INFERENCE, TIME, 0.85),
        (DEPLOYED, TIME, 0.85),
        (THROUGHPUT, TIME, 0.85),
        (TRAINING, TIME, 0.90),
        (INFERENCE, MEMORY, 1.0),
        (TRAINING, MEMORY, 1.0),
    ],
)
def test_bars(task, measure, bar):
    def result(ratio, name='cube'):
        spread = Spread(0, ratio, 9)
        return Result(SMALL, task, measure, name, 'plain', spread, spread)

    assert result(1).bar == bar
    assert result(bar).passes
    assert not result(bar + 0.01).passes
    assert result(1, 'plain').bar is None
    assert result(1, 'plain').passes is None


def test_chart_shows_goals_and_fits_its_legend(tmp_path):
    def draw(goals, name='a'):
        panel = Panel('x', {'one': {name: 1}, 'two': {name: 2}}, {}, goals)
        draw_ratios([panel], 1, tmp_path / 'chart.png')
        return (tmp_path / 'chart.png').read_bytes()

    charts = [draw({'one': 1}), draw({'two': 1}), draw({'one': 2}), draw({})]
    assert len(set(charts)) == len(charts)
    # Not wider, however long the names are.
    for name in ('a', 100 * 'a'):
        draw({'one': 1}, name)
        width = Image.open(tmp_path / 'chart.png').width
        assert width == pytest.approx(11 * 110, abs=1)


class Nap(torch.autograd.Function):
    """Identity that takes its time."""

    @staticmethod
    def forward(ctx, x):
        time.sleep(0.1)
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        time.sleep(0.2)
        return grad


def test_profile_finds_what_takes_long(cfgs, monkeypatch):
    def sleepy(level, x, skip):
        x = forward(level, x, skip)
        return Nap.apply(x) if skip is None else x

    forward = UNetLevel.forward
    monkeypatch.setattr(UNetLevel, 'forward', sleepy)
    profiles = profile(cfgs, SMALL, depth=3)
    rows = {row.module: row for row in profiles['cube-small']}
    slow, swift = (rows[f'decode_head.levels.{i}'] for i in (1, 0))
    for row in (slow, rows['decode_head'], rows[WHOLE]):
        assert row.inference >= 0.1
        assert row.forward >= 0.1
        assert row.backward >= 0.2
        assert row.training == row.forward + row.backward + row.update
    for row in (swift, rows['backbone']):
        assert 0 < row.inference < slow.inference
        assert 0 < row.forward < slow.forward
        assert 0 < row.backward < slow.backward
    # The stem comes last, and its input needs no gradient.
    assert rows['backbone.downsample_layers.0'].backward > 0
    assert rows['optimizer'].update == rows[WHOLE].update > 0


def test_profile_adds_up(cfgs):
    profiles = profile(cfgs, SMALL, depth=1)
    assert list(profiles) == list(cfgs)
    for rows in profiles.values():
        names = [row.module for row in rows]
        assert names == [
            WHOLE,
            'backbone',
            'decode_head',
            'optimizer',
            f'rest of {WHOLE}',
        ]
        for whole, *parts in zip(*(row[1:] for row in rows), strict=True):
            assert whole == pytest.approx(sum(parts))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_on_a_gpu(cfgs, dtype):
    setting = Setting(64, 4, dtype, 'channels_last', torch.device('cuda'))
    for task in TASKS:
        for result in compare(cfgs, task, setting, repeats=3):
            assert result.value.low > 0
    profiles = profile(cfgs, setting, depth=3)
    rows = {row.module: row for row in profiles['cube-small']}
    for row in (rows[WHOLE], rows['backbone'], rows['decode_head.levels.0']):
        assert row.inference > 0
        assert row.forward > 0
        assert row.backward > 0
