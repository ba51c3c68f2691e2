"""Plain backbones and their twins with Cube kernels."""

import copy
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.models import CubeBackbone

TABLE = Config.fromfile(Path(__file__).with_name('wrapped.py')).to_dict()


@pytest.fixture(autouse=True)
def scope():
    """That of mmseg's own scripts; some backbones need it."""
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@pytest.fixture(params=TABLE)
def name(request):
    """Each of the backbones."""
    return request.param


@pytest.fixture
def table():
    return copy.deepcopy(TABLE)


@cache
def build(name, **options):
    case = TABLE[name]
    cfg = dict(case['backbone'], **options)
    torch.manual_seed(0)
    return MODELS.build(cfg), CubeBackbone(cfg, case.get('replace'), {})


@pytest.fixture
def twins():
    """Build a plain backbone and the same with Cube kernels."""

    return lambda name, **options: copy.deepcopy(build(name, **options))


@pytest.fixture
def image():
    def draw(batch=1):
        torch.manual_seed(1)
        return torch.randn(batch, 3, 32, 32)

    return draw


@pytest.fixture
def replaced():
    """List the layers of a backbone that are Cubes, by name."""

    return lambda backbone: [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, CubeConv2d) and 'cube_blocks' not in name
    ]


class Toy(nn.Module):
    """Returns what it is told to; one convolution has two places."""

    def __init__(self, kind='tensor', in_channels=3):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, 8, 3, 2, 1)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.again = self.body
        self.unused = nn.Conv2d(8, 8, 3)
        self.lost = nn.Conv2d(8, 8, 3)
        self.kind = kind

    def forward(self, x):
        if self.kind == 'large' and min(x.shape[2:]) < 200:
            raise RuntimeError('too small')
        if self.kind == 'wide' and x.shape[2:] != (48, 80):
            raise RuntimeError('not 48 x 80')
        x = self.again(self.body(self.stem(x)))
        self.lost(x)
        if self.kind == 'training' and self.training:
            return x, x
        kinds = dict(
            list=[x],
            dict=dict(x=x),
            vector=(x.mean((2, 3)),),
            nested=((x, x.mean((2, 3))),),
            channels_last=(x, x.permute(0, 2, 3, 1)),
        )
        return kinds.get(self.kind, x)


@pytest.fixture
def toy():
    return Toy
