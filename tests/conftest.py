"""Sample data and a process group that several test modules share."""

import functools
import gc
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings

from mmseg_cube.utils.memory import keep_memory

ROOT = Path(__file__).resolve().parents[1]
# Examples are the same in each run; EXAMPLES=500 in the environment tries more
# of them. No fixture here keeps anything from one example to the next.
MUTANT = 'MUTANT_UNDER_TEST' in os.environ
settings.register_profile(
    'same',
    derandomize=True,
    deadline=None,
    max_examples=int(os.environ.get('EXAMPLES', 25)),
    suppress_health_check=[*HealthCheck],
    # Of a mutant, any example that shows it will do; smaller ones take time.
    phases={*Phase} - ({Phase.shrink} if MUTANT else set()),
)
settings.load_profile('same')
# A Cube network with router and mask, small enough to run a hundred times.
TINY = f"""
_base_ = '{ROOT}/configs/unet_convnext/cube-full-unet_convnext-atto_1xb8-600_whu-128x128.py'
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(arch=dict(
        _delete_=True, depths=[1, 1, 1, 1], channels=[8, 16, 16, 32])),
    decode_head=dict(
        in_channels=[8, 16, 16, 32], widths=[16, 8, 8, 8],
        norm_cfg=dict(type='BN')),
)
"""  # noqa: E501
HRNET = {
    f'stage{i}': dict(
        num_modules=1, num_blocks=(1,) * i, num_channels=(8, 16, 24, 32)[:i]
    )
    for i in range(1, 5)
}
# Fewer and narrower layers of the same kinds, and the channels of the stages.
SMALL_BACKBONES = {
    'mmpretrain.ConvNeXt': (
        dict(arch=dict(depths=[1] * 4, channels=[16, 24, 32, 48])),
        [16, 24, 32, 48],
    ),
    'HRNet': (dict(extra=HRNET), [8, 16, 24, 32]),
    'MixVisionTransformer': (
        dict(embed_dims=8, num_layers=[1] * 4),
        [8, 16, 40, 64],
    ),
    'ResNet': (dict(base_channels=8, stem_channels=8), [8, 16, 32, 64]),
    'ResNetV1c': (dict(base_channels=4, stem_channels=8), [16, 32, 64, 128]),
    'SwinTransformer': (
        dict(embed_dims=12, depths=[2, 1, 1, 1], num_heads=[1, 2, 4, 8]),
        [12, 24, 48, 96],
    ),
    'TIMMBackbone': (
        dict(model_name='lcnet_035', pretrained=False),
        [16, 24, 48, 88, 176],
    ),
    'UNet': (dict(base_channels=8), 8),
}
SMALL_HEADS = dict(
    FCNHead=dict(channels=8),
    SegformerHead=dict(channels=16),
    UNetHead=dict(widths=[32, 16, 16, 8, 8]),
    UPerHead=dict(channels=16),
)


# Begun last, they would keep one of two processes waiting.
LONGEST = [
    f'test_{name}.py'
    for name in (
        'processes', 'packaging', 'families', 'documents', 'mutants', 'pages',
        'openmmlab', 'train', 'demo', 'compatibility', 'speed', 'predict',
    )
]  # fmt: skip


def pytest_configure(config):
    """Keep pytest-xdist from putting modules of few tests last."""
    config.option.loadscopereorder = False
    # As our commands do, of which many tests call parts.
    keep_memory()


def pytest_collection_modifyitems(items):
    """Put the modules that take longest first."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish():
    """Keep all that is imported out of the search for garbage.

    mmengine searches for it whenever it builds a data set, which would take
    up to a second each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='module', autouse=True)
def leave_no_scope():
    """A Runner leaves its default scope to all that is built after it."""
    yield
    from mmengine.registry import DefaultScope

    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='session', autouse=True)
def hurry_runners():
    """Runners ask compilers for their log, and sleep where a loader ends."""
    from mmengine.runner import loops, runner

    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(runner.collect_env)
        patch.setattr(runner, 'collect_env', lambda: dict(once()))
        nap = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 20))
        patch.setattr(loops, 'time', nap)
        yield


@pytest.fixture(scope='session')
def sample_city(tmp_path_factory):
    """Roots of a tiny sample city in the layouts of the three datasets."""
    from mmseg_cube.datasets.sample_city import (
        write_inria,
        write_wbd,
        write_whu,
    )

    root = tmp_path_factory.mktemp('sample_city')
    counts = dict(train=4, val=2, test=2)
    write_whu(root / 'whu', counts, 256)
    write_wbd(root / 'wbd', counts, 256)
    write_inria(root / 'inria', 7, 256, regions=('austin',), test_tiles=0)
    return {name: root / name for name in ('whu', 'wbd', 'inria')}


@pytest.fixture(scope='session')
def tiny_config(tmp_path_factory, sample_city):
    """Path of a config of a very small Cube network on the sample city."""
    path = tmp_path_factory.mktemp('tiny') / 'cube-tiny.py'
    # Processes that load so little cost more time than they save.
    loader = dict(num_workers=0, persistent_workers=False)
    loader['dataset'] = dict(data_root=str(sample_city['whu']))
    loaders = '\n'.join(
        f'{name}_dataloader = {loader}' for name in ('train', 'val', 'test')
    )
    path.write_text(f'{TINY}\n{loaders}\n')
    return path


@pytest.fixture(scope='session')
def shrink():
    """Make the network of a config of the zoo small, with random weights."""

    def shrink(model):
        backbone, head = model.backbone, model.decode_head
        # Where Cube kernels are put in, the plain backbone is inside.
        backbone = backbone.get('backbone', backbone)
        options, head.in_channels = SMALL_BACKBONES[backbone.type]
        backbone.merge(options)
        backbone.init_cfg = None
        head.merge(SMALL_HEADS[head.type])
        if isinstance(head.get('conv_cfg'), list):  # one for each level
            head.widths = head.widths[: len(head.conv_cfg)]
        model.data_preprocessor.size = (128, 128)

    return shrink


@pytest.fixture(scope='session')
def as_trained():
    """Leave nothing in a module as it is in a fresh one.

    Routers, masks and norms of a fresh network would prove little.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    from mmseg_cube.layers import ChannelRouter, SpatialMask

    @torch.no_grad()
    def train(module, seed=0):
        torch.manual_seed(seed)
        for part in module.modules():
            if isinstance(part, ChannelRouter):
                for logits in part.parameters():
                    logits.normal_()
            elif isinstance(part, SpatialMask):
                part.weight.normal_(0, 0.5)
            elif isinstance(part, _BatchNorm):
                if part.affine:
                    part.weight.mul_(torch.rand_like(part.weight) + 0.5)
                    part.bias.normal_(0, 0.1)
                if part.track_running_stats:
                    part.running_mean.normal_(0, 0.1)
                    part.running_var.uniform_(0.5, 2)
        return module

    return train


@pytest.fixture(scope='session')
def build_trained(as_trained):
    """Build the network of a config, with weights as after a training."""
    import torch

    from mmseg_cube.utils.networks import build_network

    def build(cfg):
        torch.manual_seed(0)
        model = build_network(cfg)
        model.init_weights()
        return as_trained(model)

    return build


@pytest.fixture(scope='session')
def tiny_segmentor(tiny_config, build_trained):
    """Build the network of ``tiny_config``, with options as of a config."""
    from mmseg_cube.utils.configs import read_config

    return lambda **options: build_trained(read_config(tiny_config, options))


@pytest.fixture(scope='session')
def tiny_checkpoint(tiny_segmentor, tmp_path_factory):
    """Path of a checkpoint of the network of ``tiny_config``."""
    import torch

    path = tmp_path_factory.mktemp('tiny') / 'tiny.pth'
    torch.save(dict(state_dict=tiny_segmentor().state_dict()), path)
    return path


@pytest.fixture
def log(caplog):
    """Lines that mmengine's logger writes."""
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('INFO')
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
    logger.setLevel(level)


@pytest.fixture
def process_group(tmp_path):
    """A group of this process alone, in which models can be wrapped."""
    from torch import distributed

    distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/group', rank=0, world_size=1
    )
    yield
    # Once in some hundred times, a wrapper that goes after its group waits
    # for a thread of it that waits for the interpreter.
    gc.collect()
    distributed.destroy_process_group()
