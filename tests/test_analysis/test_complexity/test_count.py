from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModule
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.analysis.complexity.count import count_network
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
FOUR = {'model.backbone.in_channels': 4}


@pytest.mark.parametrize(
    'config, options', [(None, {}), (None, FOUR), (UNET, NARROW), (MIT, {})]
)
def test_counts_what_a_cpu_computes(tiny_config, config, options):
    cfg = read_config(config or tiny_config, options)
    counted, oblong = count_network(cfg, 64), count_network(cfg, (64, 128))
    model = build_network(cfg)
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        channels = 4 if options is FOUR else 3
        model(torch.zeros(1, channels, 64, 64), mode='tensor')
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
        count_network(read_config(UNET, NARROW), 72)
    cfg = read_config(UNET, NARROW)
    cfg.model.backbone = dict(type=Deciding)
    with pytest.raises(ValueError, match='decide by the values'):
        count_network(cfg, 64)
