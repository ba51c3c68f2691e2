from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmseg_cube.analysis.learned.order_drawing import draw_orders
from mmseg_cube.analysis.learned.orders import (
    describe_order,
    final_temperature,
    order_matrices,
)
from mmseg_cube.layers import CubeConv2d


def learned_layer(method='sinkhorn', **router):
    torch.manual_seed(0)
    layer = CubeConv2d(16, 4, 3, router=dict(method=method, **router))
    for parameter in layer.router.parameters():
        torch.nn.init.normal_(parameter)
    return layer


def matrix_of(order):
    """Permutation matrix by loop: row i has its one in column order[i]."""
    matrix = np.zeros((len(order), len(order)))
    for i, channel in enumerate(order):
        matrix[i, channel] = 1
    return matrix


@pytest.mark.parametrize(
    'router', [dict(group_size=8), dict(method='sort'), dict(method='random')]
)
def test_numbers_of_an_order(router):
    layer = learned_layer(**router)
    found = describe_order(layer)
    order = found.order
    # What the layer does with channels that bear their numbers.
    channels = torch.arange(16.0).view(1, 16, 1, 1)
    assert layer.router(channels).flatten().tolist() == order
    pairs = list(enumerate(order))
    assert found.moved == sum(i != j for i, j in pairs) / 16
    assert found.new_cell == sum(i // 4 != j // 4 for i, j in pairs)
    assert found.new_parity == sum(i % 4 != j % 4 for i, j in pairs)
    assert 0 < found.new_cell < 16 and 0 < found.new_parity < 16
    learned = router.get('method') != 'random'
    assert found.learned is learned
    assert (found.temperature, found.gap) == (None, None) or learned
    assert found.block == router.get('group_size', 16)


def test_scale_decides_what_a_cell_is():
    layer = CubeConv2d(
        18, 4, 3, scale=3, router=dict(method='fixed', riffle_groups=2)
    )
    # 0, 9, 1, 10, ...: every second position comes from the other cell.
    found = describe_order(layer)
    assert found.order[:4] == [0, 9, 1, 10]
    pairs = list(enumerate(found.order))
    assert found.new_cell == sum(i // 9 != j // 9 for i, j in pairs) == 8


def test_matrices_are_means_over_blocks():
    layer = learned_layer(group_size=8)
    hard, soft = order_matrices(layer, 0.5)
    whole = matrix_of(describe_order(layer).order)
    assert hard == pytest.approx((whole[:8, :8] + whole[8:, 8:]) / 2)
    assert whole[:8, 8:].sum() == 0
    router = deepcopy(layer.router)
    router.temperature = 0.5
    blocks = router.relaxed().detach()
    assert soft == pytest.approx((blocks[0] + blocks[1]).numpy() / 2)
    assert soft.sum(1) == pytest.approx(np.ones(8), rel=1e-5)
    assert order_matrices(learned_layer('fixed'))[1] is None


@pytest.mark.parametrize('method', ['sinkhorn', 'sort'])
def test_relaxation_of_the_end_comes_to_the_order(method):
    layer = learned_layer(method)
    before = deepcopy(layer.state_dict()), layer.router.temperature
    warm, cold = describe_order(layer, 2.0), describe_order(layer, 1e-4)
    assert (warm.temperature, cold.temperature) == (2.0, 1e-4)
    assert warm.gap > 0.1 > cold.gap
    hard, soft = order_matrices(layer, 1e-4)
    assert soft == pytest.approx(hard, abs=0.05)
    # The router itself stays as warm as it was.
    assert layer.router.temperature == before[1]
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[0][name])


def test_layer_without_a_router():
    assert describe_order(CubeConv2d(4, 4, 3)) is None


def test_temperature_at_the_end_of_the_training():
    hook = dict(type='RouterTemperatureHook', end=0.25)
    cfg = Config(dict(custom_hooks=[dict(type='EmptyCacheHook'), hook]))
    hub = MessageHub('learned-orders')
    for temperature in (1.0, 0.5):
        hub.update_scalar('train/router_temperature', temperature)
    assert final_temperature(cfg, {}) == 0.25
    checkpoint = dict(message_hub=hub.state_dict())
    assert final_temperature(cfg, checkpoint) == 0.5
    assert final_temperature(Config(dict()), {}) is None


def test_picture_shows_both_and_pools_long_orders():
    wide = CubeConv2d(400, 4, 3, router=dict(method='sort'))
    layers = dict(a=learned_layer(), b=wide, c=learned_layer('random'))
    figure = draw_orders(
        {n: (describe_order(x), order_matrices(x)) for n, x in layers.items()}
    )
    drawn = [
        [
            np.asarray(axes.images[0].get_array())
            for axes in part.axes
            if axes.images
        ]
        for part in figure.subfigs
    ]
    order, relaxed = drawn[0]
    assert order == pytest.approx(matrix_of(describe_order(layers['a']).order))
    assert relaxed.shape == (16, 16)
    # Nothing is lost, and the identity stays one.
    assert drawn[1][0].shape == (64, 64)
    assert drawn[1][0].sum() == 400
    assert np.diag(drawn[1][0]).sum() == 400
    assert len(drawn[2]) == 1
    texts = [
        text.get_text()
        for part in figure.subfigs
        for axes in part.axes
        for text in axes.texts
    ]
    assert texts == ['not learned']
