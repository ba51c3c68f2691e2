from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_cube.analysis.speed import profile
from mmseg_cube.analysis.speed.comparison import (
    AS_TRAINED,
    DEPLOYED,
    LAYOUTS,
    MEMORY,
    THROUGHPUT,
    TIME,
    TRAINING,
    Setting,
    compare,
)
from mmseg_cube.analysis.speed.network import (
    Networks,
    TrainingStep,
    build_trained,
)
from mmseg_cube.analysis.speed.profile import WHOLE
from mmseg_cube.analysis.speed.rounds import peak_memory
from mmseg_cube.layers import ChannelRouter
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
SMALL = Setting(32)


@pytest.fixture(scope='module')
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    paths = [folder / 'small.py', folder / 'cube-small.py']
    for path, text in zip(paths, (BASELINE, CUBE), strict=True):
        path.write_text(text)
    return paths


@pytest.fixture(scope='module')
def pair(paths):
    return Networks(paths, depth=3)


def norms_of(model):
    return [m for m in model.modules() if 'BatchNorm' in type(m).__name__]


def test_names_tell_configs_apart(paths, tmp_path):
    assert list(Networks(paths).cfgs) == ['small', 'cube-small']
    twin = tmp_path / 'small.py'
    twin.write_text(BASELINE)
    names = [str(paths[0]), str(twin)]
    assert list(Networks([paths[0], twin]).cfgs) == names


def test_what_cannot_be_compared_is_said(paths, tmp_path):
    with pytest.raises(ValueError, match=r'small\.py is given twice'):
        Networks([*paths, paths[0]])
    bare = tmp_path / 'bare.py'
    bare.write_text(BASELINE + 'del optim_wrapper\n')
    with pytest.raises(ValueError, match=r'bare\.py has no optim_wrapper'):
        Networks([paths[0], bare])


def test_routers_are_as_if_trained(pair):
    model = build_trained(pair.cfgs['cube-small'])
    routers = [x for x in model.modules() if isinstance(x, ChannelRouter)]
    assert len(routers) == 4
    for router in routers:
        identity = torch.arange(router.channels)
        assert not torch.equal(router.permutation(), identity)


@pytest.mark.parametrize(
    ('dtype', 'layout'),
    [(torch.float32, 'contiguous'), (torch.bfloat16, 'channels_last')],
)
def test_inference_is_done_as_asked_for(pair, dtype, layout):
    setting = Setting(32, 3, 3, dtype, layout)
    seen = []
    hook = nn.modules.module.register_module_forward_pre_hook(
        lambda module, args: seen.append((module, args[0]))
    )
    try:
        for task in (AS_TRAINED, DEPLOYED, THROUGHPUT):
            for call in pair.build(task, setting).values():
                logits = call()
                assert logits.shape == (3, 2, 16, 16)
                assert logits.dtype == dtype
                assert logits.is_inference()
    finally:
        hook.remove()
    assert not any(module.training for module, _ in seen)
    inputs = [x for _, x in seen if torch.is_tensor(x) and x.shape[1] == 3]
    assert inputs
    assert all(x.is_contiguous(memory_format=LAYOUTS[layout]) for x in inputs)


def test_deployed_networks_have_no_norms(pair, monkeypatch):
    deployed = [
        call
        for task in (DEPLOYED, THROUGHPUT)
        for call in pair.build(task, SMALL).values()
    ]
    trained = pair.build(AS_TRAINED, SMALL).values()
    monkeypatch.setattr(F, 'batch_norm', None)
    for call in deployed:
        call()
    for call in trained:
        with pytest.raises(TypeError):
            call()


def test_training_step_is_whole_and_stays_in_place(pair):
    step = pair.build(TRAINING, SMALL)['cube-small']
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
def test_training_is_autocast(pair, dtype):
    step = TrainingStep(pair.cfgs['small'], Setting(32, dtype=dtype))
    seen = []
    step.model.decode_head.conv_seg.register_forward_hook(
        lambda module, args, output: seen.append((args[0], output))
    )
    assert step.losses().dtype == torch.float32
    assert seen[0][0].shape[0] == 2
    assert seen[0][1].dtype == dtype
    assert {p.dtype for p in step.model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ('task', 'images', 'bar'), [(DEPLOYED, 1, 0.85), (TRAINING, 2, 0.90)]
)
def test_compare_refers_to_the_first(pair, task, images, bar, monkeypatch):
    def build(task, setting):
        shapes = dict(zip(pair.cfgs, (100, 25), strict=True))
        return {name: partial(torch.ones, shapes[name]) for name in pair.cfgs}

    monkeypatch.setattr(pair, 'build', build)
    results = compare(pair, task, SMALL, repeats=1)
    by_key = {(r.measure, r.name): r for r in results}
    assert set(by_key) == {(m, n) for m in (TIME, MEMORY) for n in pair.cfgs}
    for (measure, name), result in by_key.items():
        assert result.reference == 'small'
        assert result.value.low > 0
        assert result.setting.batch == images
        barred = 1.0 if measure == MEMORY else bar
        assert result.bar == (None if name == 'small' else barred)
    assert by_key[MEMORY, 'cube-small'].ratio.median == 1 / 4


def test_memory_is_that_of_the_activations(pair):
    def measure(batch):
        call = pair.build(THROUGHPUT, Setting(64, batch))['cube-small']
        call()
        return peak_memory(call, torch.device('cpu'))

    assert measure(8) == pytest.approx(2 * measure(4), rel=0.1)


class Nap(torch.autograd.Function):
    """Identity that the profiler sees."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad


def test_profile_finds_the_module_of_an_operation(paths, monkeypatch):
    def with_nap(level, x, skip):
        x = forward(level, x, skip)
        return Nap.apply(x) if skip is None else x

    def count_naps(event, device):
        inner = sum(count_naps(x, device) for x in event.cpu_children)
        return inner + ('Nap' in event.name)

    forward = UNetLevel.forward
    monkeypatch.setattr(UNetLevel, 'forward', with_nap)
    # In place of seconds, which other work on the machine changes.
    monkeypatch.setattr(profile, '_seconds', count_naps)
    monkeypatch.setattr(profile, 'RUNS', 1)
    passes = Networks(paths[1:], depth=3).profile(SMALL)['cube-small']
    assert list(passes) == ['inference', 'forward', 'backward']
    for naps in passes.values():
        for module in ('decode_head.levels.1', 'decode_head', WHOLE):
            assert naps[module] == naps[WHOLE] > 0
        for module in ('decode_head.levels.0', 'backbone'):
            assert module in naps and naps[module] == 0
        assert max(module.count('.') for module in naps) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_on_a_gpu(pair, dtype):
    device = torch.device('cuda')
    setting = Setting(64, 4, 3, dtype, 'channels_last', device)
    for task in pair.tasks:
        for result in compare(pair, task, setting, repeats=3):
            assert result.value.low > 0
    passes = pair.profile(setting)['cube-small']
    for seconds in passes.values():
        for module in (WHOLE, 'backbone', 'decode_head.levels.0'):
            assert seconds[module] > 0
