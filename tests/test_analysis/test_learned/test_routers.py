from itertools import permutations

import numpy as np
import pytest
import torch

from mmseg_cube.analysis.learned.routers import (
    describe_order,
    draw_orders,
    measure,
    order_blocks,
)
from mmseg_cube.layers import ChannelRouter


def learned(method='sinkhorn', channels=16, **options):
    torch.manual_seed(0)
    router = ChannelRouter(channels, method, **options)
    for parameter in router.parameters():
        torch.nn.init.normal_(parameter)
    return router


@pytest.mark.parametrize(
    ('scale', 'options'),
    [
        (2, dict(group_size=8)),
        (2, dict(method='sort')),
        (3, dict(method='random', channels=18)),
    ],
)
def test_numbers_of_an_order(scale, options):
    router = learned(**options)
    found, hard, soft = describe_order(router, scale)
    order, cell, count = found['order'], scale**2, router.channels
    # What the layer does with channels that bear their numbers.
    channels = torch.arange(count).float().view(1, count, 1, 1)
    assert router(channels).flatten().tolist() == order
    pairs = list(enumerate(order))
    assert found['moved'] == sum(i != j for i, j in pairs) / count
    assert found['new_cell'] == sum(i // cell != j // cell for i, j in pairs)
    assert found['new_parity'] == sum(i % cell != j % cell for i, j in pairs)
    assert 0 < found['new_cell'] < count and 0 < found['new_parity'] < count
    learns = options.get('method') != 'random'
    assert ('gap' in found) == (soft is not None) == learns
    assert found['block'] == options.get('group_size', count)
    # Row i of a block has its one in the column of the channel that it takes.
    for i, channel in pairs:
        block, place = divmod(i, found['block'])
        row = np.zeros(found['block'])
        row[channel % found['block']] = 1
        assert (hard[block, place] == row).all()


@pytest.mark.parametrize('method', ['sinkhorn', 'sort'])
def test_relaxation_of_the_end_comes_to_the_order(method):
    router = learned(method)
    warm, _, soft = describe_order(router, 2, 2.0)
    cold, *_ = describe_order(router, 2, 1e-4)
    assert soft.sum(2) == pytest.approx(np.ones((1, 16)), rel=1e-4)
    assert (warm['temperature'], cold['temperature']) == (2.0, 1e-4)
    assert warm['gap'] > 0.1 > cold['gap']
    # The router itself stays as warm as it was.
    assert router.temperature == 1


def test_identity_reversal_and_swap():
    assert measure([0, 1, 2, 3], 4) == dict(moved=0, distance=0)
    # Shifts of 3, 1, 1, 3 over the 5 that a random order has on average.
    reversal = measure([3, 2, 1, 0], 4)
    assert reversal == dict(moved=1, distance=pytest.approx(8 / 5))
    swap = measure([0, 2, 1, 3], 4)
    assert swap == dict(moved=0.5, distance=pytest.approx(2 / 5))
    assert measure([0, 1], 1) == dict(moved=0, distance=0)


@pytest.mark.parametrize('size', [2, 3, 5])
def test_random_orders_have_distance_one_on_average(size):
    # In two blocks: the distance knows how far channels can go.
    found = [
        measure([*p, *(i + size for i in p)], size)['distance']
        for p in permutations(range(size))
    ]
    assert np.mean(found) == pytest.approx(1)


def test_matrices_show_every_order():
    small = order_blocks([*range(1, 16), 0], 16)
    halves = order_blocks([1, 0, 2, 3], 2)
    assert halves.tolist() == [[[0, 1], [1, 0]], [[1, 0], [0, 1]]]
    large = order_blocks(list(range(1000))[::-1], 1000)
    figure = draw_orders(dict(small=small, halves=halves, large=large))
    images = [each.images[0].get_array() for each in figure.axes]
    assert (images[0] == np.roll(np.eye(16), 1, 1)).all()
    assert (images[1] == 0.5).all()
    # Pooled, with nothing lost.
    assert images[2].shape == (64, 64)
    assert images[2].mean() == pytest.approx(1 / 1000)
    assert (images[2].argmax(1) == np.arange(64)[::-1]).all()
