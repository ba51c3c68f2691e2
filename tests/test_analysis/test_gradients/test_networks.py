from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmseg_cube.analysis.gradients.capture import total_loss
from mmseg_cube.analysis.gradients.comparison import look_at_all
from mmseg_cube.analysis.gradients.layers import choose_layers
from mmseg_cube.analysis.gradients.networks import (
    Checkpoint,
    draw_batches,
    make_network,
    prepare,
)
from mmseg_cube.layers import CubeConv2d

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / 'configs' / 'unet_convnext'
NAME = 'cube-full-unet_convnext-atto_1xb8-600_whu-128x128.py'
INIT = Checkpoint(None, 0)


@pytest.fixture
def cfg(sample_city):
    cfg = Config.fromfile(FOLDER / NAME)
    cfg.train_dataloader.batch_size = 2
    cfg.train_dataloader.dataset.data_root = str(sample_city['whu'])
    backbone, head = cfg.model.backbone, cfg.model.decode_head
    backbone.arch = dict(depths=[1, 1], channels=[8, 16])
    backbone.out_indices = [0, 1]
    head.in_channels, head.widths = [8, 16], [8, 8]
    return cfg


def values(batches):
    """Images and masks of batches."""
    return torch.cat(
        [
            torch.cat((image, sample.gt_sem_seg.data)).flatten()
            for batch in batches
            for image, sample in zip(*batch.values(), strict=True)
        ]
    )


def test_batches_depend_on_the_seed_and_on_nothing_else(cfg):
    first = draw_batches(cfg, 'train', 2, seed=0)
    torch.rand(5)
    cfg.train_dataloader.num_workers = 3
    second = draw_batches(cfg, 'train', 2, seed=0)
    other = draw_batches(cfg, 'train', 2, seed=1)
    assert [len(batch['inputs']) for batch in first] == [2, 2]
    assert torch.equal(values(first), values(second))
    assert not torch.equal(values(first), values(other))
    assert not torch.equal(values(first[:1]), values(first[1:]))


def test_random_weights_depend_on_the_seed_and_on_nothing_else(cfg):
    cfg.model.decode_head.conv_cfg.router.method = 'sort'
    states = []
    for seed in (0, 0, 1):
        torch.rand(5)
        states.append(make_network(cfg, INIT, seed).state_dict())
    first, second, other = states
    assert all(torch.equal(first[key], second[key]) for key in first)
    weight = 'decode_head.levels.0.conv1.conv.weight'
    assert not torch.equal(first[weight], other[weight])


def test_pretrained_weights_are_not_fetched(cfg):
    pretrained = dict(type='Pretrained', checkpoint='missing.pth')
    cfg.model.backbone.init_cfg = pretrained
    cfg.model.pretrained = 'missing.pth'
    with_, cfg.model.pretrained = make_network(cfg, INIT, 0), None
    del cfg.model.backbone['init_cfg']
    without = make_network(cfg, INIT, 0)
    for key, value in without.state_dict().items():
        assert torch.equal(value, with_.state_dict()[key])


def test_what_is_no_segmentor_is_said(cfg):
    cfg.model = dict(type='ReLU')
    with pytest.raises(ValueError, match='must be a segmentor'):
        prepare('name', cfg, [])
    cfg.model = dict(type='Unknown')
    with pytest.raises(ValueError, match='(?s)cube-full-conv.*Unknown'):
        prepare('name', cfg, [])
    cfg.train_dataloader = None
    with pytest.raises(ValueError, match='has no train_dataloader'):
        draw_batches(cfg, 'train', 1, 0)


def test_batches_outlive_their_use(cfg):
    """Preprocessors pad masks in place."""
    cfg.model.data_preprocessor.size = (160, 160)
    batches = draw_batches(cfg, 'train', 1, seed=0)
    before = values(batches).clone()
    model = make_network(cfg, INIT, 0)
    losses = [total_loss(model, batches[0]) for _ in range(2)]
    assert losses[0].requires_grad
    assert torch.equal(values(batches), before)


def test_masked_and_routed_layers_in_a_real_network(cfg):
    subject = prepare('name', cfg, ['init'])
    layers = choose_layers([subject.convolutions])
    assert all(
        isinstance(subject.convolutions[name], CubeConv2d) for name in layers
    )
    batches = draw_batches(cfg, 'train', 1, seed=0)
    device = torch.device('cpu')
    ((look,),) = look_at_all([subject], layers, batches, 0, device)
    assert len(look.layers) == 2 * len(layers) == 8
    for found in look.layers.values():
        living = found.matrix.diagonal().isfinite()
        assert int((~living).sum()) == found.dead == 0
