import pytest
import torch

from mmseg_cube.datasets.windows import cut_grid
from mmseg_cube.inference.blending import blending_shares


@pytest.mark.parametrize(
    'length, size, stride',
    [(100, 32, 16), (101, 32, 31), (64, 32, 32), (9, 16, 4)],
)
def test_shares_add_up_to_one(length, size, stride):
    starts = {cut.window.x for cut in cut_grid(size, length, size, stride)}
    shares = blending_shares(starts, size)
    assert shares.keys() == starts
    total = torch.zeros(max(length, size))
    for start, share in shares.items():
        assert share.min() > 0
        total[start : start + size] += share
    torch.testing.assert_close(total, torch.ones_like(total))


def test_middle_counts_most():
    shares = blending_shares([0, 16], 32)
    # Where two windows overlap, one fades out while the other fades in.
    assert (shares[0][16:].diff() < 0).all()
    assert (shares[16][:16].diff() > 0).all()
    torch.testing.assert_close(shares[0][16:], shares[16][:16].flip(0))
