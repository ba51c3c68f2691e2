"""Losses of two logits, in which ignored pixels do not count."""

import pytest
import torch
from mmseg.registry import MODELS
from torch.nn import functional as F

LOSSES = 'BuildingCrossEntropyLoss', 'BuildingDiceLoss'
BOTH = pytest.mark.parametrize('kind', LOSSES)


def build(kind='BuildingDiceLoss', **options):
    return MODELS.build(dict(type=kind, **options))


def draw():
    torch.manual_seed(0)
    label = torch.randint(0, 2, (2, 4, 8))
    return torch.randn(2, 2, 4, 8, requires_grad=True), label


@pytest.mark.parametrize('weights', [None, [1, 3], [0.5, 2.0]])
@pytest.mark.parametrize('ignored', [0, 20, 64])
def test_cross_entropy_is_the_mean_of_pytorch(weights, ignored):
    score, label = draw()
    label.view(-1)[:ignored] = 255
    loss = build(LOSSES[0], class_weight=weights, loss_weight=2)(score, label)
    loss.backward()
    assert torch.isfinite(score.grad).all()
    given = weights and torch.tensor(weights).float()
    truth = 2 * F.cross_entropy(score, label, given, ignore_index=255)
    # That of nothing is 0 here, and not a number there.
    torch.testing.assert_close(loss, truth.nan_to_num())


def test_dice_by_hand():
    building = torch.tensor([[[0.9, 0.2]], [[0.4, 0.5]]], dtype=torch.float64)
    # Two logits whose softmax gives this probability of building.
    score = torch.stack((torch.zeros_like(building), building.logit()), 1)
    label = torch.tensor([[[1, 0]], [[1, 0]]])
    dice = (2 * (0.9 + 0.4) + 1) / (0.9 + 0.2 + 0.4 + 0.5 + 2 + 1)
    loss = build(loss_weight=3)(score, label)
    assert loss.item() == pytest.approx(3 * (1 - dice), abs=1e-6)


@BOTH
@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_perfect_prediction_costs_nothing(kind, share):
    torch.manual_seed(0)
    label = (torch.rand(2, 8, 8) < share).long()
    score = 100.0 * torch.stack((1 - label, label), 1)
    assert build(kind)(score, label).item() == pytest.approx(0, abs=1e-6)
    if share == 0.3:
        assert build(kind)(-score, label).item() > 0.9


@BOTH
def test_ignored_pixels_do_not_count(kind):
    score, label = draw()
    expected = build(kind)(score[..., :4], label[..., :4])
    label[..., 4:] = 255
    torch.testing.assert_close(build(kind)(score, label), expected)
    if kind == 'BuildingDiceLoss':
        weight = torch.ones(2, 4, 8)
        weight[..., 4:] = 0
        found = build(kind)(score, label.clamp(max=1), weight)
        torch.testing.assert_close(found, expected)


@BOTH
def test_half_precision_does_not_overflow(kind):
    score = torch.zeros(1, 2, 512, 512, dtype=torch.half, requires_grad=True)
    label = torch.ones(1, 512, 512, dtype=torch.long)
    ours = dict(class_weight=[1, 3]), 0.6931
    weights, right = ours if kind == LOSSES[0] else ({}, 1 / 3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = build(kind, **weights)(score, label)
    assert loss.item() == pytest.approx(right, abs=1e-3)
    loss.backward()
    assert torch.isfinite(score.grad).all()


def test_two_weights_and_two_logits():
    with pytest.raises(ValueError, match=r'two numbers.*but is \[1, 2, 3\]'):
        build(LOSSES[0], class_weight=[1, 2, 3])
    with pytest.raises(ValueError, match='two logits.*got 1'):
        build()(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4).long())
