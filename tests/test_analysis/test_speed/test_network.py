import contextlib
import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_cube.analysis.speed.comparison import LAYOUTS, Setting
from mmseg_cube.analysis.speed.network import Networks
from mmseg_cube.layers import learned_routers

# The tiny network with a training that must not be felt.
CUBE = """
_base_ = '{}'
optim_wrapper = dict(
    _delete_=True,
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    accumulative_counts=4,
    optimizer=dict(type='AdamW', lr=10.0, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0),
    clip_grad=dict(max_norm=1e-3),
)
"""
PLAIN = """
_base_ = './cube-small.py'
model = dict(decode_head=dict(conv_cfg=None, norm_cfg=dict(type='SyncBN')))
"""
# Its attention computes with a mask that is float32 whatever the parameters.
SWIN = """
_base_ = './cube-small.py'
model = dict(
    backbone=dict(
        _delete_=True, type='SwinTransformer', embed_dims=8,
        depths=[2, 2, 2, 2], num_heads=[1, 1, 2, 4]),
    decode_head=dict(in_channels=[8, 16, 32, 64]))
"""
AS_TRAINED, DEPLOYED, THROUGHPUT, TRAINING = Networks.tasks


@pytest.fixture(scope='module')
def paths(tiny_config, tmp_path_factory):
    folder, paths = tmp_path_factory.mktemp('configs'), []
    texts = {'small': PLAIN, 'cube-small': CUBE, 'swin': SWIN}
    for name, text in texts.items():
        paths.append(folder / f'{name}.py')
        paths[-1].write_text(text.replace('{}', str(tiny_config)))
    return paths


def test_names_tell_configs_apart(paths, tmp_path):
    assert list(Networks(paths[:2]).cfgs) == ['small', 'cube-small']
    twin = tmp_path / 'small.py'
    twin.write_text(f"_base_ = '{paths[0]}'")
    names = [str(paths[0]), str(twin)]
    assert list(Networks([paths[0], twin]).cfgs) == names
    with pytest.raises(ValueError, match=r'small\.py is given twice'):
        Networks([*paths, paths[0]])
    bare = tmp_path / 'bare.py'
    bare.write_text("model = dict(type='EncoderDecoder')")
    with pytest.raises(ValueError, match=r'bare\.py has no optim_wrapper'):
        Networks([paths[0], bare])


@pytest.mark.parametrize(
    ('dtype', 'layout'),
    [(torch.float32, 'contiguous'), (torch.bfloat16, 'channels_last')],
)
@pytest.mark.parametrize('task', [AS_TRAINED, DEPLOYED, THROUGHPUT])
def test_inference_is_done_as_asked_for(
    paths, task, dtype, layout, monkeypatch
):
    calls = Networks(paths).build(task, Setting(64, 3, 3, dtype, layout))
    for call in calls.values():
        model, images, _ = call.args
        assert not any(module.training for module in model.modules())
        assert images.is_contiguous(memory_format=LAYOUTS[layout])
        logits = call()
        assert (logits.shape[:2], logits.dtype) == ((3, 2), dtype)
        assert logits.is_inference()
    # Routers are as if trained, and what is deployed has no norms.
    routers = learned_routers(calls['cube-small'].args[0]).values()
    assert bool(routers) == (task == AS_TRAINED)
    for router in routers:
        identity = torch.arange(router.channels)
        assert not torch.equal(router.permutation(), identity)
    monkeypatch.setattr(F, 'batch_norm', None)
    for name in ('small', 'cube-small'):
        fails = pytest.raises(TypeError)
        with fails if task == AS_TRAINED else contextlib.nullcontext():
            calls[name]()


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_training_step_is_whole_and_stays_in_place(paths, dtype):
    setting = Setting(64, dtype=dtype)
    (step,) = Networks(paths[:1]).build(TRAINING, setting).values()
    model, optimizer = step.model, step.optim.optimizer
    assert all(type(m) is not nn.SyncBatchNorm for m in model.modules())
    before, seen = copy.deepcopy(model.state_dict()), []
    model.decode_head.conv_seg.register_forward_hook(
        lambda module, args, output: seen.append(output)
    )
    step()
    # Autocast, as a half of the parameters would not learn.
    assert seen[0].dtype == dtype and len(seen[0]) == 2
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    # Every parameter had a gradient and was moved by nothing.
    assert isinstance(optimizer, torch.optim.AdamW)
    assert set(optimizer.state) == set(model.parameters())
    assert all(p.grad is None for p in model.parameters())
    changed = {
        name.rpartition('.')[2]
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {'running_mean', 'running_var', 'num_batches_tracked'}
    # As the config has it.
    decays = {group['weight_decay'] for group in optimizer.param_groups}
    assert decays == {0.0, 0.05}
    gradients = torch.cat(
        [x['exp_avg'].flatten() for x in optimizer.state.values()]
    )
    # AdamW starts with a tenth of the clipped gradient.
    assert gradients.norm() <= 1.01e-4
