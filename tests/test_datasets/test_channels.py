"""Networks of other than three channels."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.registry import HOOKS
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.datasets import BuildingDataset
from mmseg_cube.engine.pretrained_weights_hook import ENOUGH, find_missing

TIMM = dict(type='mmseg.TIMMBackbone', model_name='lcnet_035')
FOUR = dict(bands=(4, 1, 2, 3), scale=(0, 999))


@pytest.mark.parametrize('wrapped', [False, True])
def test_first_weights_of_timm_fit_other_channels(tmp_path, wrapped):
    torch.manual_seed(1)
    state = MODELS.build(dict(TIMM, pretrained=False)).timm_model.state_dict()
    file = tmp_path / 'timm.pth'
    torch.save(state, file)
    options = dict(pretrained_cfg_overlay=dict(file=str(file)), in_channels=4)
    cfg = TIMM | options
    if wrapped:
        cfg = dict(type='CubeBackbone', backbone=cfg, insert=dict(stages=4))
    backbone = MODELS.build(cfg)
    rgb, four = state['conv_stem.weight'], backbone.timm_model.conv_stem.weight
    expected = rgb[:, [0, 1, 2, 0]] * 0.75
    torch.testing.assert_close(four.detach(), expected)
    number, missing = find_missing(backbone.timm_model, str(file))
    assert missing == ['conv_stem.weight']
    assert len(missing) <= (1 - ENOUGH) * number  # as PretrainedWeightsHook


@pytest.fixture
def four_bands(tmp_path, memory, write):
    bands = np.random.default_rng(0).integers(0, 999, (4, 32, 32), np.uint16)
    write(tmp_path / 'train/image/1.tif', bands)
    mask = np.zeros((32, 32), np.uint8)
    mask[4:9, 5:20] = 1
    write(tmp_path / 'train/label/1.png', mask)
    return BuildingDataset('train', tmp_path, **FOUR)


@pytest.mark.parametrize(
    ('channels', 'mean', 'said'),
    [
        (4, [127.0], None),
        (4, None, None),
        (3, [127.0], 'as 4 channels, but no convolution .*in_channels=4'),
        (4, [127.0] * 3, 'but the data preprocessor has 3 means.*one value'),
    ],
)
def test_network_and_bands_have_to_agree(four_bands, channels, mean, said):
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Conv2d(channels, 8, 3))
    options = dict(mean=mean, std=mean, bgr_to_rgb=True, size=(32, 32))
    options['type'] = 'mmseg.SegDataPreProcessor'
    model.data_preprocessor = MODELS.build(options)
    hook = HOOKS.build(dict(type='ChannelsHook'))
    fails = pytest.raises(ValueError, match=said) if said else nullcontext()
    twice, joined = RepeatDataset(four_bands, 2), ConcatDataset([four_bands])
    for dataset in (four_bands, twice, joined):
        loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset))
        loops = dict(_train_loop=loop, _val_loop=None, _test_loop={})
        with fails:
            hook.before_run(SimpleNamespace(model=model, **loops))
