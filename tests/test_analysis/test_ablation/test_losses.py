import pytest

from mmseg_cube.analysis.ablation.losses import (
    PARTS,
    average_parts,
    loss_differences,
    mean_losses,
)


def runs(**curves):
    """Results by seed; ``s3=[...]`` is the loss of seed 3."""
    return {int(seed[1:]): dict(loss=x) for seed, x in curves.items()}


def test_parts_are_equal():
    assert average_parts(range(20)) == [2 * i + 0.5 for i in range(PARTS)]


def test_uneven_parts_hold_every_iteration_once():
    parts = average_parts(range(23))
    assert len(parts) == PARTS
    # Three of three iterations, then seven of two.
    assert parts[:4] == [1, 4, 7, 9.5]
    assert parts[-1] == 21.5


def test_few_iterations():
    assert average_parts([3, 1]) == [3, 1]


def test_means():
    first, last = mean_losses(runs(s0=[4, 1], s1=[6, 2]), 0.9)
    assert (first.mean, last.mean) == (5, 1.5)
    assert first.sd == pytest.approx(2**0.5)


def test_differences_are_those_of_seeds():
    found = loss_differences(
        runs(s0=[4, 1], s1=[6, 2], s2=[50, 50]),
        runs(s0=[3, 2], s1=[5, 3], s7=[0, 0]),
        0.9,
    )
    assert [gain.mean for gain in found] == [1, -1]
    assert [gain.sd for gain in found] == [0, 0]
    assert [gain.number for gain in found] == [2, 2]


def test_runs_without_losses():
    known, unknown = runs(s0=[4, 1]), {0: {}, 1: {}}
    assert mean_losses(unknown, 0.9) == []
    assert loss_differences(known, unknown, 0.9) == []
    assert mean_losses({**unknown, **known}, 0.9)[0].number == 1
