"""A small ConvNeXt-U-Cube with weights as if it were trained."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_cube.layers import ChannelRouter, SpatialMask

ROOT = Path(__file__).resolve().parents[2]
NAME = 'cube-full-unet_convnext-atto_1xb8-600_whu-128x128.py'
TINY = {
    'model.backbone.arch': dict(
        depths=[1, 1, 1, 1], channels=[8, 16, 16, 32], _delete_=True
    ),
    'model.decode_head.in_channels': [8, 16, 16, 32],
    'model.decode_head.widths': [16, 8, 8, 8],
}


@pytest.fixture
def cfg():
    """Config of the small network, one level of it without a mask."""
    cfg = Config.fromfile(ROOT / 'configs' / 'unet_convnext' / NAME)
    cfg.merge_from_dict(TINY)
    cube = cfg.model.decode_head.conv_cfg
    bare = {name: cube[name] for name in cube if name != 'mask'}
    cfg.model.decode_head.conv_cfg = [cube, bare, cube, None]
    return cfg


@pytest.fixture
def model(cfg):
    """The network; fresh routers and masks would prove nothing."""
    torch.manual_seed(0)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    model.init_weights()
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, ChannelRouter):
                part.logits.normal_()
            elif isinstance(part, SpatialMask):
                part.weight.normal_(0, 0.5)
            elif isinstance(part, _BatchNorm):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 2)
    model.dataset_meta = dict(
        classes=('background', 'building'), palette=[[0, 0, 0], [255, 0, 0]]
    )
    model.eval()
    return model
