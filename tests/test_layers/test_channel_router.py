import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mmseg_cube.layers import ChannelRouter
from mmseg_cube.layers.assignment import assign
from mmseg_cube.layers.channel_router import METHODS
from mmseg_cube.ops import sinkhorn

LEARNED = pytest.mark.parametrize('method', ['sort', 'sinkhorn'])


@pytest.fixture
def disturbed(as_trained):
    def build(method, channels=32, **options):
        return as_trained(ChannelRouter(channels, method, **options))

    return build


@pytest.mark.parametrize('method', METHODS)
def test_output_is_a_permutation_of_the_input(method, disturbed):
    router = disturbed(method)
    x = torch.randn(2, 32, 3, 4)
    order = router.permutation()
    assert sorted(order.tolist()) == list(range(32))
    last = dict(memory_format=torch.channels_last)
    for mode in (True, False):
        router.train(mode)
        assert torch.equal(router(x), x[:, order])
        assert router(x).is_contiguous()
        assert router(x.to(**last)).is_contiguous(**last)
    # The relaxation is there only where gradients are recorded.
    applied, relaxed = router.order_and_relaxation()
    assert (applied is None) == (method == 'none')
    assert (relaxed is not None) == router.learns
    with torch.no_grad():
        assert torch.equal(router(x), x[:, order])
        assert router.order_and_relaxation()[1] is None


NUMBERS = dict(sort=dict(scores=32), sinkhorn=dict(logits=32 * 16))


@pytest.mark.parametrize('method', ['none', 'given', *NUMBERS])
def test_starts_at_the_identity(method):
    router = ChannelRouter(32, method)
    assert router.permutation().tolist() == list(range(32))
    found = {name: p.numel() for name, p in router.named_parameters()}
    assert found == NUMBERS.get(method, {})
    # And deploys to nothing.
    assert router.switch_to_deploy() is None
    if method == 'sort':
        torch.testing.assert_close(
            router.scores[[0, -1]], torch.tensor([-1.0, 1])
        )


def test_sinkhorn_stays_within_groups(disturbed):
    order = disturbed('sinkhorn', group_size=8).permutation()
    assert order.tolist() != list(range(32))
    assert torch.equal(order // 8, torch.arange(32) // 8)


@LEARNED
def test_the_permutation_is_the_cold_limit(method, disturbed):
    router = disturbed(method, channels=16, temperature=1e-3)
    hard = torch.zeros(16, 16)
    hard[torch.arange(16), router.permutation()] = 1
    relaxed = router.order_and_relaxation()[1]
    if method == 'sinkhorn':
        # The colder, the more iterations it takes to converge.
        relaxed = sinkhorn(router.logits.double(), 0.02, 2000).float()
    cold = torch.block_diag(*relaxed)
    torch.testing.assert_close(cold, hard, atol=0.1, rtol=0)


@pytest.mark.parametrize(
    'channels, size', [(32, 16), (24, 12), (40, 10), (7, 7), (17, 1)]
)
def test_group_size_fits_the_channels(channels, size):
    router = ChannelRouter(channels)
    assert router.group_size == size
    assert router(torch.randn(1, channels, 2, 2)).shape[1] == channels


def test_orders_for_ablations():
    order = ChannelRouter(8, 'fixed', riffle_groups=2).permutation()
    assert order.tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    first, second = (ChannelRouter(32, 'random', seed=s) for s in (1, 2))
    assert not torch.equal(first.order, second.order)
    assert torch.equal(first.order, ChannelRouter(32, 'random', seed=1).order)
    # It is part of the checkpoint.
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.order, second.order)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('clear', [False, True])
def test_assignment_is_the_best_one(clear, dtype):
    torch.manual_seed(0)
    weights = torch.randn(20, 7, 7).to(dtype)
    if clear:
        for block in weights:
            block[torch.arange(7), torch.randperm(7)] += 10
    order, prices = assign(weights)
    for i, block in enumerate(weights.double()):
        found = order[7 * i : 7 * (i + 1)] - 7 * i
        best = linear_sum_assignment(block.numpy(), maximize=True)[1]
        assert found.tolist() == best.tolist()
        # Less the prices, every place wants what it gets.
        net = block - prices[i].double()
        slack = net.max(1).values - net[torch.arange(7), found]
        assert slack.max() <= (1e-5 if dtype == torch.float32 else 0.05)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_diverged_logits_are_named(value):
    router = ChannelRouter(32)
    with torch.no_grad():
        router.logits[1, 2, 3] = value
    for call in (router.permutation, lambda: router(torch.ones(1, 32, 2, 2))):
        with pytest.raises(ValueError, match='router.*nan or inf.*diverged'):
            call()


@LEARNED
def test_half_precision_keeps_the_order(method, disturbed):
    router = disturbed(method, channels=512)
    order = router.permutation()
    for convert in (router.half, router.bfloat16, router.double):
        assert torch.equal(convert().permutation(), order)


@pytest.mark.parametrize('method', ['sort', 'sinkhorn', 'fixed', 'random'])
def test_deployed_router_is_its_order(method, disturbed):
    router = disturbed(method)
    deployed = router.switch_to_deploy()
    order, relaxed = deployed.order_and_relaxation()
    assert torch.equal(order, router.permutation())
    assert relaxed is None
    assert list(deployed.state_dict()) == ['order']
    again, loaded = deployed.switch_to_deploy(), ChannelRouter(32, 'given')
    loaded.load_state_dict(deployed.state_dict())
    # Copies.
    deployed.order.zero_()
    x = torch.randn(2, 32, 3, 4, requires_grad=True)
    for twin in (again, loaded):
        assert torch.equal(twin(x), router(x))


def test_repr():
    assert repr(ChannelRouter(32, 'given')) == "ChannelRouter(32, 'given')"
    assert repr(ChannelRouter(8)) == (
        "ChannelRouter(8, 'sinkhorn', group_size=8, temperature=1)"
    )
    assert 'seed=3' in repr(ChannelRouter(8, 'random', seed=3))
