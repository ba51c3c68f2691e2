import numpy as np
import pytest

from mmseg_cube.evaluation.score_kinds import BoundaryScore


def slow_band(mask, width):
    """Pixels of a mask with something outside of it within the width."""
    padded, side = np.pad(mask, width), 2 * width + 1
    out = np.zeros_like(mask)
    for y, x in np.ndindex(*mask.shape):
        square = padded[y : y + side, x : x + side]
        out[y, x] = mask[y, x] and not square.all()
    return out


@pytest.mark.parametrize('width', [1, 4])
def test_equals_the_slow_reference(scenes, evaluate, width):
    both = either = 0
    for sample in scenes:
        pred = sample['pred_sem_seg']['data'][0].numpy()
        target = sample['gt_sem_seg']['data'][0].numpy()
        bands = [
            slow_band((labels == 1) & (target != 255), width)
            for labels in (pred, target)
        ]
        both += (bands[0] & bands[1]).sum()
        either += (bands[0] | bands[1]).sum()
    assert 0 < both < either
    found = evaluate(scenes, boundary=dict(width=width))
    expected = pytest.approx(100 * both / either, 1e-12)
    assert found['building/BoundaryIoU'] == expected


@pytest.mark.parametrize(
    ('shape', 'options', 'width'),
    [
        ((300, 400), dict(), 10),  # 0.02 of a diagonal of 500
        ((300, 400), dict(ratio=0.005), 2),  # 2.5, rounded to even
        ((30, 40), dict(ratio=0.001), 1),
        ((300, 400), dict(width=3), 3),
    ],
)
def test_width_of_the_band(make_sample, evaluate, shape, options, width):
    full = np.ones(shape, int)
    # What is left after the erosion leaves the band if it is taken away.
    hollow = full.copy()
    hollow[width:-width, width:-width] = 0
    for inside in (0, 1):
        hollow[width, width] = inside
        found = evaluate([make_sample(full, hollow)], boundary=options)
        assert (found['building/BoundaryIoU'] == 100) == (not inside)
    assert BoundaryScore(**options).options in (options, dict(ratio=0.02))
