import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import HOOKS
from torch import nn
from torch._dynamo.testing import CompileCounter

from mmseg_cube.layers import ChannelRouter, CubeKernelBlock

HOOK = dict(type='RouterTemperatureHook', start=4.0, end=0.25)
COOLING = [4.0, 2.0, 1.0, 0.5, 0.25]


def cool(model, iterations, max_iters=5):
    """Temperatures that the routers have in these iterations."""
    hook = HOOKS.build(HOOK)
    routers = [m for m in model.modules() if isinstance(m, ChannelRouter)]
    seen = []
    for i in iterations:
        runner = SimpleNamespace(
            iter=i,
            max_iters=max_iters,
            model=model,
            message_hub=MessageHub('hub'),
        )
        hook.before_train_iter(runner, i)
        (temperature,) = {router.temperature for router in routers}
        seen.append(temperature)
    return seen


@pytest.mark.usefixtures('process_group')
def test_cools_every_router_geometrically():
    model = nn.Sequential(CubeKernelBlock(8), ChannelRouter(8))
    assert cool(model, range(5)) == pytest.approx(COOLING)
    model = MMDistributedDataParallel(model)
    assert cool(model, range(5)) == pytest.approx(COOLING)
    # One iteration in all, and iterations past the end.
    assert cool(model, [0], max_iters=1) == [4.0]
    assert cool(model, [4, 5, 99]) == pytest.approx([0.25] * 3)


def test_resumed_run_goes_on_where_it_was(make_runner, tmp_path):
    runner = make_runner('first', HOOK)
    runner.train()
    whole = logged(runner)
    assert whole[0] == 4.0
    assert whole[-1] == pytest.approx(0.25)

    checkpoint = str(tmp_path / 'first' / 'iter_4.pth')
    resumed = make_runner('second', HOOK, load_from=checkpoint, resume=True)
    resumed.train()
    assert logged(resumed) == whole
    assert resumed.model.first.temperature == pytest.approx(0.25)


def test_epochs_end_at_the_end(make_runner):
    loop = dict(by_epoch=True, max_epochs=2)
    runner = make_runner('epochs', HOOK, train_cfg=loop)
    runner.train()
    temperatures = logged(runner)
    assert len(temperatures) == 16
    assert temperatures[::15] == pytest.approx([4.0, 0.25])


def logged(runner):
    scalars = runner.message_hub.get_scalar('train/router_temperature')
    return scalars.data[0].tolist()


@pytest.mark.skipif(
    torch.__version__.startswith('2.1.'),
    reason='torch 2.1 compiles the first temperature in',
)
@pytest.mark.parametrize('method', ['sinkhorn', 'sort'])
def test_cooling_does_not_compile_again_and_again(method):
    torch.manual_seed(0)
    routers = [ChannelRouter(8, method) for _ in range(2)]
    counter = CompileCounter()
    compiled = torch.compile(routers[0], backend=counter)
    x = torch.randn(1, 8, 2, 2)
    frames = []
    for i in range(10):
        cool(nn.ModuleList(routers), [i], max_iters=10)
        for module in (compiled, routers[1]):
            module(x).mul(x).sum().backward()
        frames.append(counter.frame_count)
    assert frames[2] == frames[-1] > 0
    grads = [next(router.parameters()).grad for router in routers]
    assert grads[0].any()
    torch.testing.assert_close(*grads)


def test_model_without_a_learned_order_is_said(caplog):
    runner = SimpleNamespace(
        model=nn.Sequential(nn.Conv2d(4, 4, 1), ChannelRouter(4, 'fixed')),
        logger=logging.getLogger('no-routers'),
        message_hub=MessageHub('hub'),
        iter=0,
        max_iters=2,
    )
    hook = HOOKS.build(HOOK)
    hook.before_train(runner)
    assert 'no channel router of the model learns' in caplog.text
    hook.before_train_iter(runner, 0)
    assert not runner.message_hub.log_scalars


def test_temperatures_must_be_positive():
    with pytest.raises(ValueError, match='positive, but got 1.0 and 0'):
        HOOKS.build(dict(type='RouterTemperatureHook', end=0))
