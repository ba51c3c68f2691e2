"""Weights that a config names are there when training starts, or it ends."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import HOOKS
from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.layers import CubeConv2d

HOOK = dict(type='PretrainedWeightsHook')
SMALL = dict(depth=18, base_channels=8, stem_channels=8)


@pytest.fixture
def start(make_runner, tmp_path):
    """Start the training of a network with a backbone; return the log."""

    def start(backbone, **options):
        runner = make_runner('run', HOOK, **options)
        runner.model.backbone = backbone
        runner.model.init_weights = backbone.init_weights
        runner.train()
        return next((tmp_path / 'run').glob('*/*.log')).read_text()

    return start


def resnet(file, prefix=None):
    init_cfg = dict(type='Pretrained', checkpoint=str(file), prefix=prefix)
    return ResNet(**SMALL, init_cfg=init_cfg)


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(1)
    state = ResNet(**SMALL).state_dict()
    path = tmp_path / 'resnet.pth'
    torch.save({f'backbone.{k}': v for k, v in state.items()}, path)
    return path


def test_what_is_named_has_to_be_there(start, file):
    backbone = resnet(file, 'backbone.')
    # What is new in the network cannot be in the file.
    backbone.conv1.add_module('cube', CubeConv2d(8, 8, 3))
    assert f'backbone: 20 of 20 weights from {file}' in start(backbone)


def test_a_wrong_prefix_loads_nothing(start, file):
    message = f'backbone has 0 of 20 weights of {file}.*conv1.weight.*prefix'
    with pytest.raises(ValueError, match=message):
        start(resnet(file))


def test_the_weights_of_a_checkpoint_may_differ(start, file, tmp_path):
    other = tmp_path / 'load.pth'
    torch.save(dict(state_dict={}), other)
    log = start(resnet(file), load_from=str(other))
    assert 'weights from' not in log


@pytest.mark.parametrize(
    'options, found',
    [(dict(), True), (dict(pretrained=False), None), (dict(wrong=1), False)],
)
def test_backbones_of_timm(options, found, tmp_path):
    torch.manual_seed(1)
    cfg = dict(type='TIMMBackbone', model_name='lcnet_035')
    built = MODELS.build(dict(cfg, pretrained=False))
    file, said = tmp_path / 'timm.pth', []
    state = built.timm_model.state_dict()
    if options.pop('wrong', None):
        state = {f'x.{key}': torch.zeros(3, 3) for key in state}
    torch.save(state, file)
    cfg.update(pretrained_cfg_overlay=dict(file=str(file)), **options)
    runner = SimpleNamespace(
        model=nn.Sequential(MODELS.build(cfg)),
        cfg=dict(model=dict(backbone=cfg)),
        logger=SimpleNamespace(info=said.append),
        _load_from=None,
        _resume=False,
    )
    hook = HOOKS.build(HOOK)
    if found is False:
        with pytest.raises(ValueError, match='0.timm_model has 0 of'):
            hook.before_train(runner)
    else:
        hook.before_train(runner)
    assert bool(said) == bool(found)
