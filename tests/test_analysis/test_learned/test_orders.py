from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmseg_cube.analysis.learned.orders import (
    describe_order,
    draw_orders,
    final_temperature,
    order_matrices,
)
from mmseg_cube.layers import ChannelRouter


def learned(method='sinkhorn', channels=16, **options):
    torch.manual_seed(0)
    router = ChannelRouter(channels, method, **options)
    for parameter in router.parameters():
        torch.nn.init.normal_(parameter)
    return router


def matrix_of(order):
    """Permutation matrix by loop: row i has its one in column order[i]."""
    matrix = np.zeros((len(order), len(order)))
    for i, channel in enumerate(order):
        matrix[i, channel] = 1
    return matrix


@pytest.mark.parametrize(
    'options', [dict(group_size=8), dict(method='sort'), dict(method='random')]
)
def test_numbers_of_an_order(options):
    router = learned(**options)
    found = describe_order(router, 2)
    order = found['order']
    # What the layer does with channels that bear their numbers.
    channels = torch.arange(16.0).view(1, 16, 1, 1)
    assert router(channels).flatten().tolist() == order
    pairs = list(enumerate(order))
    assert found['moved'] == sum(i != j for i, j in pairs) / 16
    assert found['new_cell'] == sum(i // 4 != j // 4 for i, j in pairs)
    assert found['new_parity'] == sum(i % 4 != j % 4 for i, j in pairs)
    assert 0 < found['new_cell'] < 16 and 0 < found['new_parity'] < 16
    assert found['learned'] is ('gap' in found)
    assert found['learned'] is (options.get('method') != 'random')
    assert found['block'] == options.get('group_size', 16)


def test_scale_decides_what_a_cell_is():
    router = ChannelRouter(18, 'fixed', riffle_groups=2)
    # 0, 9, 1, 10, ...: every second position comes from the other cell.
    found = describe_order(router, 3)
    assert found['order'][:4] == [0, 9, 1, 10]
    pairs = list(enumerate(found['order']))
    assert found['new_cell'] == sum(i // 9 != j // 9 for i, j in pairs) == 8


def test_matrices_of_blocks():
    router = learned(group_size=8)
    hard, soft = order_matrices(router, 0.5)
    whole = matrix_of(describe_order(router, 2)['order'])
    assert (hard[0] == whole[:8, :8]).all() and (
        hard[1] == whole[8:, 8:]
    ).all()
    router.temperature = 0.5
    assert (soft == router.relaxed().detach().numpy()).all()
    assert soft.sum(2) == pytest.approx(np.ones((2, 8)), rel=1e-5)
    assert order_matrices(learned('fixed'))[1] is None


@pytest.mark.parametrize('method', ['sinkhorn', 'sort'])
def test_relaxation_of_the_end_comes_to_the_order(method):
    router = learned(method)
    before = deepcopy(router.state_dict()), router.temperature
    warm, cold = (describe_order(router, 2, t) for t in (2.0, 1e-4))
    assert (warm['temperature'], cold['temperature']) == (2.0, 1e-4)
    assert warm['gap'] > 0.1 > cold['gap']
    # The router itself stays as warm as it was.
    assert router.temperature == before[1]
    for name, value in router.state_dict().items():
        assert torch.equal(value, before[0][name])


def test_gap_of_one_block_by_hand():
    router = ChannelRouter(2, temperature=0.5)
    torch.nn.init.zeros_(router.logits)
    assert describe_order(router, 1)['gap'] == pytest.approx(0.5)


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
    routers = dict(
        a=learned(),
        b=ChannelRouter(400, 'sort'),
        c=learned('random'),
        d=learned(),
    )
    figure = draw_orders(routers)
    # Three layers of two panels in a row.
    assert len(figure.axes) == 12
    drawn = [
        [np.asarray(image.get_array()) for image in axes.images]
        for axes in figure.axes
    ]
    whole = matrix_of(describe_order(routers['a'], 2)['order'])
    assert drawn[0][0] == pytest.approx(whole)
    assert drawn[1][0].shape == (16, 16)
    # The identity stays one.
    assert drawn[2][0].shape == (64, 64)
    assert (drawn[2][0].argmax(1) == np.arange(64)).all()
    assert drawn[5] == []
    assert figure.axes[5].texts[0].get_text() == 'not learned'
