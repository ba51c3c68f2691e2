import pytest
import torch
from mmseg.registry import MODELS


def build(**options):
    return MODELS.build(dict(type='BuildingDiceLoss', **options))


def logits(building):
    """Two logits whose softmax gives this probability of building."""
    building = torch.as_tensor(building, dtype=torch.float64)
    return torch.stack((torch.zeros_like(building), building.logit()), 1)


def test_by_hand():
    score = logits([[[0.9, 0.2]], [[0.4, 0.5]]])
    label = torch.tensor([[[1, 0]], [[1, 0]]])
    dice = (2 * (0.9 + 0.4) + 1) / (0.9 + 0.2 + 0.4 + 0.5 + 2 + 1)
    loss = build(loss_weight=3)(score, label)
    assert loss.item() == pytest.approx(3 * (1 - dice), abs=1e-6)


@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_perfect_prediction_costs_nothing(share):
    torch.manual_seed(0)
    label = (torch.rand(2, 8, 8) < share).long()
    score = 100.0 * torch.stack((1 - label, label), 1)
    assert build()(score, label).item() == pytest.approx(0, abs=1e-6)
    if share == 0.3:
        assert build()(-score, label).item() > 0.9


def test_ignored_pixels_do_not_count():
    torch.manual_seed(0)
    score = torch.randn(2, 2, 4, 6)
    label = torch.randint(0, 2, (2, 4, 6))
    expected = build()(score[..., :4], label[..., :4])
    label[..., 4:] = 255
    torch.testing.assert_close(build()(score, label), expected)
    weight = torch.ones(2, 4, 6)
    weight[..., 4:] = 0
    other = label.clamp(max=1)
    torch.testing.assert_close(build()(score, other, weight), expected)


def test_half_precision_does_not_overflow():
    score = torch.zeros(1, 2, 512, 512, dtype=torch.float16)
    score.requires_grad_()
    loss = build()(score, torch.ones(1, 512, 512, dtype=torch.long))
    assert loss.item() == pytest.approx(1 / 3, abs=1e-3)
    loss.backward()
    assert torch.isfinite(score.grad).all()


def test_needs_two_logits():
    with pytest.raises(ValueError, match='two logits.*got 1'):
        build()(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4).long())
