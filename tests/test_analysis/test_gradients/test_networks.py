import pytest
import torch

from mmseg_cube.analysis.gradients.capture import total_loss
from mmseg_cube.analysis.gradients.networks import draw_batches, load_series
from mmseg_cube.utils.configs import read_config


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
    states = []
    for seed in (0, 0, 1):
        torch.rand(5)
        (model,) = load_series(cfg, [], seed).values()
        states.append(model.state_dict())
    first, second, other = states
    assert all(torch.equal(first[key], second[key]) for key in first)
    weight = 'decode_head.levels.0.conv1.conv.weight'
    assert not torch.equal(first[weight], other[weight])


def test_batches_outlive_their_use(cfg):
    """Preprocessors pad masks in place."""
    cfg.model.data_preprocessor.size = (160, 160)
    batches = draw_batches(cfg, 'train', 1, seed=0)
    before = values(batches).clone()
    (model,) = load_series(cfg, ['init'], 0).values()
    losses = [total_loss(model, batches[0]) for _ in range(2)]
    assert losses[0].requires_grad
    assert torch.equal(values(batches), before)
