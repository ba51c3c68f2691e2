from types import SimpleNamespace

import pytest
from mmengine.registry import HOOKS
from torch import nn

from mmseg_cube.layers import ChannelRouter, CubeKernelBlock


def test_cools_every_router_geometrically():
    model = nn.Sequential(CubeKernelBlock(8), ChannelRouter(8))
    hook = HOOKS.build(dict(type='RouterTemperatureHook', start=4.0, end=0.25))
    seen = []
    for i in range(5):
        runner = SimpleNamespace(iter=i, max_iters=5, model=model)
        hook.before_train_iter(runner, i)
        assert model[0].conv.router.temperature == model[1].temperature
        seen.append(model[1].temperature)
    assert seen == pytest.approx([4.0, 2.0, 1.0, 0.5, 0.25])


def test_temperatures_must_be_positive():
    with pytest.raises(ValueError, match='positive, but got 4.0 and 0'):
        HOOKS.build(dict(type='RouterTemperatureHook', end=0))
