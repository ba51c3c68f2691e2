import json
from itertools import permutations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mmseg_cube.evaluation.channel_orders import (
    draw_history,
    draw_orders,
    look,
    measure,
    order_blocks,
    write_report,
)
from mmseg_cube.layers import ChannelRouter


def set_order(router, order):
    """Let a router learn this order."""
    with torch.no_grad():
        if router.method == 'sort':
            router.scores[order] = torch.linspace(-1, 1, len(order))
        else:
            size = router.group_size
            blocks = nn.functional.one_hot(torch.tensor(order) % size, size)
            router.logits.copy_(blocks.view_as(router.logits))


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


def test_history_of_a_learned_order(tmp_path):
    routers = dict(
        a=ChannelRouter(8, group_size=4),
        b=ChannelRouter(4, 'sort'),
        still=ChannelRouter(128),
    )
    history = {}
    assert look(history, routers, 0)
    first = write_report(history, tmp_path)['a']
    assert first['frozen_since'] is None
    set_order(routers['a'], [1, 0, 2, 3, 4, 5, 6, 7])
    assert look(history, routers, 10)
    assert not look(history, routers, 10)
    set_order(routers['a'], [1, 2, 0, 3, 4, 5, 7, 6])
    set_order(routers['b'], [3, 2, 1, 0])
    look(history, routers, 20)
    look(history, routers, 30)

    looks = history['a']['looks']
    assert looks['iteration'] == [0, 10, 20, 30]
    assert looks['changed'] == [0, 2, 4, 0]
    assert looks['moved'] == [0, 2 / 8, 5 / 8, 5 / 8]
    # A random order within 4 channels shifts each by 5 / 4 on average.
    assert looks['distance'] == pytest.approx([0, 0.2, 0.6, 0.6])
    assert history['a']['order'] == [1, 2, 0, 3, 4, 5, 7, 6]
    assert history['b']['looks']['changed'] == [0, 0, 4, 0]

    folder = tmp_path / 'new'
    found = write_report(history, folder)
    assert found['a'] == history['a'] | dict(frozen_since=20)
    assert found['a']['moved'] == 5 / 8
    assert found['a']['distance'] == pytest.approx(0.6)
    assert found['b']['distance'] == pytest.approx(8 / 5)
    # An order that never changed is frozen from the start.
    assert found['still']['frozen_since'] == found['still']['distance'] == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ['router_report.json', 'router_report.png']
    content = json.loads((folder / names[0]).read_text())
    assert content == dict(routers=found)
    assert np.ptp(np.asarray(Image.open(folder / names[1]))) > 0
    lines = [len(each.lines) for each in draw_history(history).axes]
    assert lines == [3, 3, 0, 0, 0]


def test_matrices_show_every_order():
    small = order_blocks([*range(1, 16), 0], 16)
    halves = order_blocks([1, 0, 2, 3], 2)
    assert halves.tolist() == [[[0, 1], [1, 0]], [[1, 0], [0, 1]]]
    large = order_blocks(list(range(1000))[::-1], 1000)
    figure, _ = draw_orders(dict(small=small, halves=halves, large=large))
    images = [each.images[0].get_array() for each in figure.axes]
    assert (images[0] == np.roll(np.eye(16), 1, 1)).all()
    assert (images[1] == 0.5).all()
    # Pooled, with nothing lost.
    assert images[2].shape == (64, 64)
    assert images[2].mean() == pytest.approx(1 / 1000)
    assert (images[2].argmax(1) == np.arange(64)[::-1]).all()
