from math import exp, isnan, sqrt

import numpy as np
import pytest
import torch
from scipy import stats

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.records import list_records
from mmseg_cube.analysis.gradients.statistics import (
    Correlations,
    correlate,
    correlate_channels,
    measure,
    standard_error,
    sum_products,
)

RMS = 'off_diagonal_rms'


def draw(channels=5, samples=400, seed=0):
    generator = torch.Generator().manual_seed(seed)
    options = dict(dtype=torch.float64, generator=generator)
    mixed = torch.randn(channels, channels, **options)
    return mixed @ torch.randn(channels, samples, **options)


@pytest.mark.parametrize(
    ('matrix', 'expected'),
    [
        (torch.eye(6), (0, 0, 1)),
        # Copies of one channel, some of them turned round.
        (torch.ones(4, 4), (1, 1, 1 / 4)),
        (torch.tensor([[1.0, -1], [-1, 1]]), (1, 1, 1 / 2)),
        # One correlation for all: eigenvalues 1 + 2 * 0.5 and twice 0.5.
        (torch.full((3, 3), 0.5).fill_diagonal_(1),
         (0.5, 0.5, exp(stats.entropy([2, 0.5, 0.5])) / 3)),
    ],
)  # fmt: skip
def test_statistics_of_known_matrices(matrix, expected):
    numbers = measure(matrix.double())
    assert list(numbers.values()) == pytest.approx(
        expected, rel=1e-6, abs=1e-9
    )


def test_pairs_of_a_cell_and_others():
    matrix = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).double()
    runs = measure(matrix, torch.tensor([0, 0, 1, 1]))
    assert (runs['same_cell'], runs['other_cell']) == (1, 0)
    mixed = measure(matrix, torch.tensor([0, 1, 0, 1]))
    assert (mixed['same_cell'], mixed['other_cell']) == (0, 0.5)
    assert isnan(measure(matrix, torch.arange(4))['same_cell'])


def test_dead_channels_are_left_out():
    samples = draw(5)
    samples[1] = 0
    samples[3] = 0.1
    matrix = correlate_channels(sum_products(samples.float()))
    living = [True, False, True, False, True]
    assert matrix.diagonal().isfinite().tolist() == living
    assert matrix[1].isnan().all() and matrix[:, 3].isnan().all()
    kept = [0, 2, 4]
    cells = torch.tensor([0, 0, 0, 1, 1])
    rest = correlate_channels(sum_products(samples[kept].float()))
    expected = measure(rest, cells[kept])
    assert measure(matrix, cells) == pytest.approx(expected)
    # Nothing can be said of a single one.
    samples[2:] = 0
    numbers = measure(correlate_channels(sum_products(samples)))
    assert all(map(isnan, numbers.values()))


def test_pieces_add_up_to_numpy():
    # Small gradients are not dead.
    scales = torch.tensor([[1e-30], [1.0], [1e6], [1.0], [1.0]])
    samples = (draw() + 100 * torch.arange(5)[:, None]) * scales
    sums = sum(map(sum_products, samples.split([1, 0, 250, 149], 1)))
    matrix = correlate_channels(sums)
    np.testing.assert_allclose(matrix, np.corrcoef(samples), atol=1e-9)
    assert torch.equal(matrix.diagonal(), torch.ones(5).double())
    assert sums[0, 0] == 400


def test_jackknife_of_a_mean_is_its_standard_error():
    values = np.array([3.0, 1, 4, 1, 5])
    without = [np.delete(values, i).mean() for i in range(5)]
    found = standard_error(np.array([values.mean(), *without]))
    assert found == pytest.approx(values.std(ddof=1) / sqrt(5))
    assert isnan(standard_error(np.array([1.0])))


def test_statistics_leave_out_one_group_each():
    pieces = draw(4, 90).split(30, 1)
    cells = torch.tensor([0, 0, 1, 1])
    found = correlate(list(map(sum_products, pieces)), cells)
    assert found.samples == 90
    whole = np.corrcoef(torch.cat(pieces, 1))
    np.testing.assert_allclose(found.matrix, whole, atol=1e-12)
    rest = [torch.cat(pieces[:i] + pieces[i + 1 :], 1) for i in range(3)]
    matrices = map(torch.from_numpy, (whole, *map(np.corrcoef, rest)))
    expected = [measure(matrix, cells) for matrix in matrices]
    assert len(found.statistics) == 5
    for name, values in found.statistics.items():
        assert values == pytest.approx([x[name] for x in expected])
    alone = correlate([sum_products(draw())])
    assert alone.statistics[RMS].shape == (1,)


def test_ratios_go_group_by_group():
    layer = Correlations(torch.eye(2), 9, {RMS: np.array([6.0, 4, 8])})
    half = Correlations(torch.eye(2), 9, {RMS: np.array([3.0, 2, 4])})
    looks = [{(x, 'a'): c for x in GRADIENTS} for c in (layer, half)]
    first, _, ratio = list_records(looks, [0, 5])[:3]
    assert first[RMS] == dict(value=6, error=pytest.approx(2))
    assert first['iteration'] == 0
    # What both have in common is no error of their ratio.
    assert ratio['of'] == 'ratio'
    assert ratio[RMS] == dict(value=2, error=0)
    half.statistics[RMS][:] = 0
    assert list_records(looks, [0, 5])[2][RMS]['value'] is None
