import pytest
import torch
from torch.nn import functional as F

from mmseg_cube.models import BuildingCrossEntropyLoss


@pytest.mark.parametrize('weights', [None, [1, 3], [0.5, 2.0]])
@pytest.mark.parametrize('ignored', [0, 20, 64])
def test_is_the_mean_of_pytorch(weights, ignored):
    torch.manual_seed(0)
    score = torch.randn(2, 2, 4, 8, requires_grad=True)
    label = torch.randint(0, 2, (2, 4, 8))
    label.view(-1)[:ignored] = 255
    loss = BuildingCrossEntropyLoss(class_weight=weights, loss_weight=2)(
        score, label
    )
    loss.backward()
    assert torch.isfinite(score.grad).all()
    given = weights and torch.tensor(weights).float()
    truth = 2 * F.cross_entropy(score, label, given, ignore_index=255)
    # That of nothing is 0 here, and not a number there.
    torch.testing.assert_close(loss, truth.nan_to_num())


def test_many_pixels_do_not_overflow_in_half_precision():
    score = torch.zeros(1, 2, 256, 512, dtype=torch.half)
    label = torch.ones(1, 256, 512, dtype=torch.long)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = BuildingCrossEntropyLoss(class_weight=[1, 3])(score, label)
    assert loss.item() == pytest.approx(0.6931, abs=1e-3)


def test_needs_two_weights():
    with pytest.raises(ValueError, match=r'two numbers.*but is \[1, 2, 3\]'):
        BuildingCrossEntropyLoss(class_weight=[1, 2, 3])
