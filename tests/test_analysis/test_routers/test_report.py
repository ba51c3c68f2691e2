import pytest
import torch
from torch import nn

from mmseg_cube.analysis.routers.report import relaxation_gap
from mmseg_cube.layers import ChannelRouter


@pytest.mark.parametrize('method', ['sinkhorn', 'sort'])
def test_gap_closes_as_the_router_cools(method):
    router = ChannelRouter(8, method, group_size=4)
    weights = next(router.parameters())
    order = torch.eye(4)[[2, 0, 3, 1]]
    if method == 'sort':
        order = torch.linspace(-1, 1, 8)
    weights.data.copy_(order.expand_as(weights))
    gaps = []
    for temperature in (4.0, 0.5, 0.01):
        router.temperature = temperature
        gaps.append(relaxation_gap(router))
    assert 1 > gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] == pytest.approx(0, abs=1e-6)


def test_gap_of_one_block_by_hand():
    router = ChannelRouter(2, temperature=0.5)
    nn.init.zeros_(router.logits)
    assert relaxation_gap(router) == pytest.approx(0.5)
