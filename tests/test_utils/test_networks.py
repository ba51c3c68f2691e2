"""Reading configs, building networks and loading their weights."""

import pytest
import torch

from mmseg_cube.utils.configs import (
    loaded_when_built,
    read_config,
    weights_of,
    without_weights,
)
from mmseg_cube.utils.networks import build_network, load_network


def test_weights_are_found_and_left_out_wherever_they_are():
    pretrained = dict(type='Pretrained', checkpoint='y')
    normal, timm = dict(type='Normal'), 'mmpretrain.TIMMBackbone'
    file = dict(pretrained_cfg_overlay=dict(file='z'))
    cfg = dict(
        backbone=dict(type=timm, pretrained=True, **file),
        neck=[dict(init_cfg=pretrained), (dict(pretrained='x'),)],
        head=dict(init_cfg=[normal, pretrained]),
    )
    assert [*weights_of(cfg, 'model')] == [
        ('model.backbone.pretrained_cfg_overlay.file', 'z'),
        ('model.neck.0.init_cfg.checkpoint', 'y'),
        ('model.neck.1.0.pretrained', 'x'),
        ('model.head.init_cfg.1.checkpoint', 'y'),
    ]
    options = [*loaded_when_built([cfg], 'model')]
    assert options == ['model.0.backbone.pretrained']
    assert without_weights(cfg) == dict(
        backbone=dict(type=timm, pretrained=False, **file),
        neck=[{}, ({},)],
        head=dict(init_cfg=[normal]),
    )


def test_one_option_is_the_root_of_all_data_sets(tiny_config):
    name = 'test_dataloader.dataset.data_root'
    cfg = read_config(tiny_config, {name: 'b', 'data_root': 'a'})
    loaders = cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader
    assert [x.dataset.data_root for x in loaders] == ['a', 'a', 'b']
    # A training without validation.
    cfg = read_config(tiny_config, {'data_root': 'a', 'val_dataloader': None})
    assert cfg.val_dataloader is None


@pytest.mark.parametrize('workers, kept', [(0, False), (2, True)])
def test_no_workers_cannot_be_kept(tiny_config, workers, kept):
    loader = 'train_dataloader.'
    options = {f'{loader}num_workers': workers}
    options[f'{loader}persistent_workers'] = True
    cfg = read_config(tiny_config, options)
    assert cfg.train_dataloader.persistent_workers is kept


def test_initialisers_stay_but_pretrained_weights_go(tiny_config):
    init = dict(type='Pretrained', checkpoint='https://nowhere/x.pth')
    cfg = read_config(tiny_config)
    cfg.model.backbone.init_cfg = init
    own = dict(type='Normal', layer='Conv2d', std=0.1)
    cfg.model.decode_head.init_cfg = own
    model = build_network(cfg)
    model.init_weights()  # would look for the file
    assert not model.training
    assert model.decode_head.init_cfg['std'] == own['std']


def test_loaded_network_computes_as_the_one_saved(
    tiny_config, tiny_checkpoint, tiny_segmentor
):
    model = load_network(read_config(tiny_config), tiny_checkpoint)
    assert model.dataset_meta['classes'] == ('background', 'building')
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found, right = (
            m(image, mode='tensor') for m in (model, tiny_segmentor())
        )
    torch.testing.assert_close(found, right, rtol=0, atol=0)
