"""Cooling of routers, in trainings with real hooks."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import HOOKS
from torch import nn
from torch._dynamo.testing import CompileCounter

from mmseg_cube.layers import ChannelRouter, CubeKernelBlock

COOL = dict(type='RouterTemperatureHook', start=4.0, end=0.25)


def cool(model, iterations, max_iters=5):
    """Temperatures that the routers have in these iterations."""
    hook = HOOKS.build(COOL)
    routers = [m for m in model.modules() if isinstance(m, ChannelRouter)]
    seen = []
    for i in iterations:
        runner = SimpleNamespace(iter=i, max_iters=max_iters, model=model)
        runner.message_hub = MessageHub('hub')
        hook.before_train_iter(runner, i)
        (temperature,) = {router.temperature for router in routers}
        seen.append(temperature)
    return seen


@pytest.mark.usefixtures('process_group')
def test_cools_every_router_geometrically():
    model = nn.Sequential(CubeKernelBlock(8), ChannelRouter(8))
    # Also past the end.
    cooling = pytest.approx([4.0, 2.0, 1.0, 0.5, 0.25, 0.25, 0.25])
    for each in (model, MMDistributedDataParallel(model)):
        assert cool(each, [*range(6), 99]) == cooling
    assert cool(model, [0], max_iters=1) == [4.0]


def test_epochs_end_at_the_end(make_runner):
    loop = dict(by_epoch=True, max_epochs=2)
    runner = make_runner('epochs', COOL, train_cfg=loop)
    runner.train()
    temperatures = temperatures_of(runner)
    assert len(temperatures) == 16
    assert temperatures[::15] == pytest.approx([4.0, 0.25])
    # And they have learned what there was to learn.
    for router in (runner.model.first, runner.model.second):
        assert router.permutation().tolist() == [7, 6, 5, 4, 3, 2, 1, 0]


def temperatures_of(runner):
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


def test_a_resumed_run_goes_on(make_runner, tmp_path):
    whole = make_runner('whole', COOL)
    whole.train()
    last = dict(load_from=str(tmp_path / 'whole' / 'iter_4.pth'))
    resumed = make_runner('resumed', COOL, resume=True, **last)
    resumed.train()
    temperatures = temperatures_of(whole)
    assert temperatures_of(resumed) == temperatures
    assert temperatures[::7] == pytest.approx([4.0, 0.25])


def test_model_without_a_learned_order_is_said(make_runner):
    runner = make_runner('run', COOL, router=dict(method='random'))
    runner.train()
    (log,) = Path(runner.log_dir).glob('*.log')
    said = 'RouterTemperatureHook: no channel router of the model learns'
    assert said in log.read_text()
    assert 'train/router_temperature' not in runner.message_hub.log_scalars


def test_temperatures_must_be_positive():
    with pytest.raises(ValueError, match='positive, but got 4.0 and 0'):
        HOOKS.build(COOL | dict(end=0))
