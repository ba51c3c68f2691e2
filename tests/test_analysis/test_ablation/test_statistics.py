import numpy as np
import pytest
from scipy import stats

from mmseg_cube.analysis.ablation.statistics import (
    Estimate,
    differences,
    estimate,
    median_ratio,
)


def test_estimate_by_hand():
    # Mean 2, deviations -1, 0, 1: sd 1. t of 2 degrees of freedom: 4.3027.
    found = estimate({0: 1.0, 1: 2.0, 5: 3.0}, 0.95)
    assert (found.number, found.mean, found.sd) == (3, 2.0, 1.0)
    assert found.half == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert found.interval == pytest.approx((-0.484138, 4.484138), abs=1e-6)


@pytest.mark.parametrize('confidence', [0.8, 0.95])
def test_interval_is_that_of_the_paired_t_test(confidence):
    rng = np.random.default_rng(0)
    ours, theirs = (
        dict(enumerate(rng.normal(size=5).tolist())) for _ in range(2)
    )
    found = estimate(differences(ours, theirs), confidence)
    test = stats.ttest_rel(list(ours.values()), list(theirs.values()))
    expected = test.confidence_interval(confidence)
    assert found.interval == pytest.approx((expected.low, expected.high))


def test_one_seed_has_no_spread():
    found = estimate({3: 7.5}, 0.95)
    assert found == Estimate(1, 7.5)
    assert found.interval is None
    assert estimate({}, 0.95) is None


def test_only_common_seeds_are_compared():
    ours, theirs = {0: 5.0, 2: 8.0, 3: 1.0}, {2: 6.0, 0: 4.0, 1: 9.0}
    assert differences(ours, theirs) == {0: 1.0, 2: 2.0}
    assert median_ratio(ours, theirs) == pytest.approx((5 / 4 + 8 / 6) / 2)
    assert median_ratio(ours, {9: 1.0}) is None
