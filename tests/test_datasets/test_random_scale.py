import numpy as np
import pytest

from mmseg_cube.datasets import RandomScale


def sample(side=40):
    mask = np.zeros((side, side), np.uint8)
    mask[: side // 2] = 1
    image = np.dstack([255 * mask] * 3)
    return dict(img=image, gt_seg_map=mask, seg_fields=['gt_seg_map'])


def test_image_and_mask_change_by_one_factor():
    np.random.seed(0)
    scale, sides = RandomScale((0.5, 2.0)), []
    for _ in range(200):
        found = scale(sample())
        side, _ = found['gt_seg_map'].shape
        assert found['img'].shape == (side, side, 3)
        assert set(np.unique(found['gt_seg_map'])) == {0, 1}
        assert found['gt_seg_map'].mean() == pytest.approx(0.5, abs=0.05)
        sides.append(side)
    assert min(sides) < 22
    assert max(sides) > 76
    # Half and double are equally likely.
    assert 0.4 < np.mean(np.array(sides) < 40) < 0.6


def test_one_factor_is_kept():
    assert RandomScale((0.5, 0.5))(sample())['img'].shape == (20, 20, 3)


@pytest.mark.parametrize('ratios', [(0, 1), (2.0, 1.0), (-1, 1)])
def test_wrong_factors_are_refused(ratios):
    with pytest.raises(ValueError, match='ratio_range must be two positive'):
        RandomScale(ratios)
