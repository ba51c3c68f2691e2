import numpy as np
import pytest

from mmseg_cube.datasets import RandomScale


def test_image_and_mask_change_by_one_factor():
    np.random.seed(0)
    mask = np.repeat(np.uint8([1, 0]), 20)[:, None].repeat(40, 1)
    image, sides = np.dstack([255 * mask] * 3), []
    for ratios in [(0.5, 2.0)] * 200 + [(0.5, 0.5)]:
        sample = dict(img=image, gt_seg_map=mask, seg_fields=['gt_seg_map'])
        found = RandomScale(ratios)(sample)
        side, _ = found['gt_seg_map'].shape
        assert found['img'].shape == (side, side, 3)
        assert set(np.unique(found['gt_seg_map'])) == {0, 1}
        assert found['gt_seg_map'].mean() == pytest.approx(0.5, abs=0.05)
        sides.append(side)
    assert min(sides) < 22 and max(sides) > 76 and sides[-1] == 20
    # Half and double are equally likely.
    assert 0.4 < np.mean(np.array(sides) < 40) < 0.6


@pytest.mark.parametrize('ratios', [(0, 1), (2.0, 1.0), (-1, 1)])
def test_wrong_factors_are_refused(ratios):
    with pytest.raises(ValueError, match='ratio_range must be two positive'):
        RandomScale(ratios)
