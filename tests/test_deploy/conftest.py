import pytest
import torch

from mmseg_cube.deploy import ExportableSegmentor
from mmseg_cube.deploy.formats import FORMATS
from mmseg_cube.utils.configs import read_config


@pytest.fixture(scope='session')
def cfg(tiny_config):
    """Config of the tiny network, one level of it without a mask."""
    cfg = read_config(tiny_config)
    cube = dict(type='CubeConv2d', router=dict(), mask=dict(kernel_size=5))
    bare = dict(type='CubeConv2d', router=dict())
    cfg.model.decode_head.conv_cfg = [cube, bare, cube, None]
    return cfg


@pytest.fixture(params=FORMATS)
def format(request):
    """Every format whose packages are installed."""
    for name in FORMATS[request.param].needs:
        pytest.importorskip(name)
    return request.param


@pytest.fixture(scope='session')
def segmentor(cfg, tiny_segmentor):
    """The network; no test changes it."""
    conv_cfg = cfg.model.decode_head.conv_cfg
    model = tiny_segmentor(**{'model.decode_head.conv_cfg': conv_cfg})
    # Logits that differ, or they would be equal to anything.
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    model.dataset_meta = dict(
        classes=('background', 'building'), palette=[[0, 0, 0], [255, 0, 0]]
    )
    return ExportableSegmentor(model)
