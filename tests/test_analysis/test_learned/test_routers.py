from itertools import permutations

import numpy as np
import pytest
import torch

from mmseg_cube.analysis.learned.routers import (
    describe_order,
    draw_orders,
    measure,
)
from mmseg_cube.layers import ChannelRouter


@pytest.mark.parametrize(
    ('scale', 'options'),
    [
        (2, dict(group_size=8)),
        (2, dict(method='sort')),
        (3, dict(method='random', channels=18)),
    ],
)
def test_numbers_of_an_order(scale, options):
    torch.manual_seed(0)
    router = ChannelRouter(options.pop('channels', 16), **options)
    for parameter in router.parameters():
        torch.nn.init.normal_(parameter)
    found = describe_order(router, scale)
    order, cell, count = found['order'], scale**2, router.channels
    # What the layer does with channels that bear their numbers.
    channels = torch.arange(count).float().view(1, count, 1, 1)
    assert router(channels).flatten().tolist() == order
    pairs = list(enumerate(order))
    assert found['moved'] == sum(i != j for i, j in pairs) / count
    assert found['new_cell'] == sum(i // cell != j // cell for i, j in pairs)
    assert found['new_parity'] == sum(i % cell != j % cell for i, j in pairs)
    assert 0 < found['new_cell'] < count and 0 < found['new_parity'] < count
    assert found['block'] == options.get('group_size', count)


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
    figure = draw_orders(dict(
        small=dict(order=[*range(1, 16), 0], block=16),
        halves=dict(order=[1, 0, 2, 3], block=2),
        large=dict(order=list(range(1000))[::-1], block=1000),
    ))  # fmt: skip
    images = [each.images[0].get_array() for each in figure.axes]
    assert (images[0] == np.roll(np.eye(16), 1, 1)).all()
    assert (images[1] == 0.5).all()
    # Pooled, with nothing lost.
    assert images[2].shape == (64, 64)
    assert images[2].mean() == pytest.approx(1 / 1000)
    assert (images[2].argmax(1) == np.arange(64)[::-1]).all()
