from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.analysis.complexity.count import (
    Complexity,
    ConfigCounter,
    count_modules,
)
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'
UNET = CONFIGS / 'unet' / 'unet-s5-d16_fcn_1xb8-80k_whu-512x512.py'
MIT = CONFIGS / 'unet_mit' / 'unet_mit-b0_1xb8-600_whu-128x128.py'
# Narrow, and with transposed convolutions.
NARROW = {
    'model.backbone.upsample_cfg': dict(type='DeconvModule'),
    'model.backbone.base_channels': 4,
    'model.decode_head.in_channels': 4,
}


@pytest.mark.parametrize(
    'config, options', [(None, {}), (UNET, NARROW), (MIT, {})]
)
def test_counts_what_a_cpu_computes(tiny_config, config, options):
    cfg, count = read_config(config or tiny_config, options), ConfigCounter()
    counted, oblong = count(cfg, 64)[''], count(cfg, (64, 128))['']
    model = build_network(cfg)
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model(torch.zeros(1, 3, 64, 64), mode='tensor')
    assert counted.parameters == sum(p.numel() for p in model.parameters())
    assert counted.flops == flops.get_total_flops()
    assert oblong.parameters == counted.parameters
    if config != MIT:  # whose attention grows faster
        assert oblong.flops == 2 * counted.flops


class Deciding(BaseModule):
    def forward(self, x):
        return [x[:, :1] if x.sum() > 0 else x]


def test_networks_and_sizes_that_cannot_be_counted():
    # Four poolings, so that sides must be multiples of 16.
    with pytest.raises(ValueError, match='py: no image of 72 x 72 passes'):
        ConfigCounter()(read_config(UNET, NARROW), 72)
    cfg = read_config(UNET, NARROW)
    cfg.model.backbone = dict(type=Deciding)
    with pytest.raises(ValueError, match='decide by the values'):
        ConfigCounter()(cfg, 64)


linear = partial(nn.Linear, bias=False)


class Caller(nn.Module):
    """Calls a module as its forward function, which runs no hooks."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args, **kwargs):
        return self.inner.forward(*args, **kwargs)


class Head(nn.Module):
    """Works by itself as well as by a list of layers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([linear(4, 4), linear(4, 3)])
        self.weight = nn.Parameter(torch.zeros(3, 2))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x @ self.weight


def test_costs_belong_to_the_module_that_runs():
    network = nn.Sequential(linear(5, 4), Caller(Head()))
    head = Complexity(16 + 12 + 6, 2 * 7 * (16 + 12 + 6))
    assert count_modules(network, torch.zeros(7, 5)) == {
        '': Complexity(20 + 34, 2 * 7 * 20 + head.flops),
        '0': Complexity(20, 2 * 7 * 20),
        '1': head,
        '1.inner': head,
        '1.inner.layers': Complexity(28, 2 * 7 * (16 + 12)),
        '1.inner.layers.0': Complexity(16, 2 * 7 * 16),
        '1.inner.layers.1': Complexity(12, 2 * 7 * 12),
    }
    layer = linear(4, 4)
    twice = count_modules(nn.Sequential(layer, layer), torch.zeros(1, 4))
    assert twice['0'] == twice[''] == Complexity(16, 2 * 2 * 16)
