import pytest
import torch
from torch import nn

from mmseg_cube.analysis.gradients.capture import total_loss
from mmseg_cube.analysis.gradients.report import (
    choose_layers,
    draw_batches,
    load_series,
    number_cells,
)
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.utils.configs import read_config


class OtherConv(nn.Conv2d):
    """Whether it convolves with its weight is not known."""


PLAIN = nn.ModuleDict(
    dict(stem=nn.Conv2d(3, 8, 3), first=nn.Conv2d(8, 8, 3))
    | dict(last=nn.Conv2d(8, 8, 3))
)
CUBE = nn.ModuleDict(
    dict(stem=nn.Conv2d(3, 8, 3), first=CubeConv2d(8, 8, 3))
    | dict(last=CubeConv2d(8, 8, 3, scale=1), extra=CubeConv2d(8, 8, 3))
    | dict(other=OtherConv(8, 8, 3))
)


def test_cubes_of_either_network_are_compared():
    for pair in ([CUBE, PLAIN], [PLAIN, CUBE]):
        assert choose_layers(pair) == dict(first=2, last=1)
    assert choose_layers([CUBE]) == dict(first=2, last=1, extra=2)
    chosen = choose_layers([CUBE, PLAIN], ['last', 'st*'])
    assert chosen == dict(stem=0, last=1)
    with pytest.raises(ValueError, match="'ext.' matches no .* 3: stem"):
        choose_layers([CUBE, PLAIN], ['first', 'ext*'])


def test_channels_that_share_a_cell():
    for conv in (CUBE['first'], PLAIN['first']):
        assert number_cells(conv, 2).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
        assert number_cells(conv, 0) is number_cells(conv, 1) is None
    conv = CubeConv2d(8, 8, 3, router=dict(method='random', seed=3))
    cells = number_cells(conv, 2)[conv.router.permutation()]
    assert cells.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.fixture
def cfg(tiny_config):
    return read_config(tiny_config, {'train_dataloader.batch_size': 2})


def values(batches):
    """Images and masks of batches."""
    return torch.cat(
        [
            torch.cat((image, sample.gt_sem_seg.data)).flatten()
            for batch in batches
            for image, sample in zip(*batch.values(), strict=True)
        ]
    )


def test_batches_and_weights_depend_on_the_seed_and_nothing_else(cfg):
    batches, states = [], []
    for seed in (0, 0, 1):
        torch.rand(5)
        batches.append(draw_batches(cfg, 'train', 2, seed))
        ((_, model),) = load_series(cfg, [], seed)
        states.append(model.state_dict())
        cfg.train_dataloader.num_workers = 3
    assert [len(batch['inputs']) for batch in batches[0]] == [2, 2]
    one, same, other = map(values, batches)
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert not torch.equal(*one.chunk(2))
    one, same, other = states
    assert all(torch.equal(one[key], same[key]) for key in one)
    weight = 'decode_head.levels.0.conv1.conv.weight'
    assert not torch.equal(one[weight], other[weight])


def test_batches_outlive_their_use(cfg):
    """Preprocessors pad masks in place."""
    cfg.model.data_preprocessor.size = (160, 160)
    batches = draw_batches(cfg, 'train', 1, seed=0)
    before = values(batches).clone()
    ((_, model),) = load_series(cfg, ['init'], 0)
    losses = [total_loss(model, batches[0]) for _ in range(2)]
    assert losses[0].requires_grad
    assert torch.equal(values(batches), before)
