import pytest
import torch

from mmseg_cube.ops import apply_order, riffle, sinkhorn, softsort


def one_hot(order, blocks):
    size = len(order) // blocks
    matrix = torch.zeros(blocks, size, size, dtype=torch.float64)
    for i, source in enumerate(order.tolist()):
        matrix[i // size, i % size, source % size] = 1
    return matrix


def blend(matrix, x):
    """Block matrices times the channels, one block at a time."""
    pairs = zip(matrix, x.chunk(len(matrix), 1), strict=True)
    blended = [torch.einsum('ij,njhw->nihw', *pair) for pair in pairs]
    return torch.cat(blended, 1)


@pytest.mark.parametrize('blocks', [1, 3])
@pytest.mark.parametrize(
    'layout', [torch.channels_last, torch.contiguous_format]
)
def test_routing_permutes_exactly_and_has_the_blend_gradient(blocks, layout):
    torch.manual_seed(0)
    size = 12 // blocks
    order = torch.cat([torch.randperm(size) + b * size for b in range(blocks)])
    shape = (blocks, size, size)
    relaxed = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    x, seed = (
        t.contiguous(memory_format=layout)
        for t in torch.randn(2, 2, 12, 3, 5, dtype=torch.float64)
    )
    x.requires_grad_()

    out = apply_order(x, order, relaxed)
    assert torch.equal(out, x[:, order])
    assert not out._is_view()  # it may be changed in place
    grads = torch.autograd.grad((out * seed).sum(), (x, relaxed))
    for found in (out, grads[0]):
        assert found.is_contiguous(memory_format=layout)

    straight = one_hot(order, blocks) + relaxed - relaxed.detach()
    loss = (blend(straight, x) * seed).sum()
    expected = torch.autograd.grad(loss, (x, relaxed))
    torch.testing.assert_close(grads, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_function_transforms_give_the_same_gradients(dtype):
    torch.manual_seed(0)
    input = torch.randn(2, 6, 3, 5, dtype=dtype)
    relaxed = torch.rand(2, 3, 3, dtype=torch.float64)
    order = torch.tensor([2, 0, 1, 4, 5, 3])
    weight = torch.randn(2, 6, 3, 5, dtype=dtype)

    def loss(input, relaxed):
        routed = apply_order(input, order, relaxed)
        assert routed.dtype == dtype and routed.equal(input[:, order])
        return (routed * weight).sum()

    both = input.requires_grad_(), relaxed.requires_grad_()
    right = torch.autograd.grad(loss(*both), both)
    both = input.detach(), relaxed.detach()
    found = torch.func.grad(loss, (0, 1))(*both)
    _, change = torch.func.jvp(loss, both, tuple(map(torch.ones_like, both)))
    for one, other in zip(found, right, strict=True):
        torch.testing.assert_close(one, other)
    total = sum(x.sum().to(dtype) for x in right)
    torch.testing.assert_close(change, total, rtol=1e-4, atol=1e-4)


def test_routing_keeps_half_precision_sums_finite():
    x = torch.full((1, 4, 64, 64), 16.0, dtype=torch.float16)
    relaxed = torch.rand(1, 4, 4, requires_grad=True)
    out = apply_order(x.requires_grad_(), torch.arange(4), relaxed)
    out.backward(torch.full_like(out, 16.0))
    assert out.dtype == torch.float16
    assert relaxed.grad.dtype == torch.float32
    # 64 * 64 * 16 * 16 is beyond the range of half precision.
    assert relaxed.grad.eq(64 * 64 * 16 * 16).all()


@pytest.mark.parametrize('shape', [(1, 8, 4, 4), (4, 4, 4), (2, 3, 4, 4)])
def test_inputs_of_other_channels_are_refused(shape):
    for relaxed in (None, torch.eye(4)[None]):
        with pytest.raises(ValueError, match=r'of 4 .* got .*\(N, 4, H, W'):
            apply_order(torch.rand(shape), torch.arange(4), relaxed)


def test_softsort_by_hand():
    scores = torch.tensor([0.3, 0.1], dtype=torch.float64)
    relaxed = softsort(scores, 0.1)
    near, far = 1.0, torch.tensor(-2.0, dtype=torch.float64).exp().item()
    expected = torch.tensor([[[far, near], [near, far]]]).double() / (1 + far)
    torch.testing.assert_close(relaxed, expected)


def test_softsort_hardens_to_the_order_and_differentiates():
    torch.manual_seed(0)
    scores = torch.randn(6, dtype=torch.float64, requires_grad=True)
    hard = softsort(scores, 1e-4)
    order = scores.argsort()
    torch.testing.assert_close(hard, one_hot(order, 1), atol=1e-6, rtol=0)
    assert torch.autograd.gradcheck(lambda s: softsort(s, 0.7), (scores,))
    sums = softsort(scores, 0.7)[0].sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_sinkhorn_is_doubly_stochastic_and_differentiates():
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 5, dtype=torch.float64, requires_grad=True)
    relaxed = sinkhorn(logits, 0.5, 50)
    ones = torch.ones(2, 5, dtype=torch.float64)
    torch.testing.assert_close(relaxed.sum(-1), ones, atol=1e-12, rtol=0)
    torch.testing.assert_close(relaxed.sum(-2), ones, atol=1e-4, rtol=0)
    rows = sinkhorn(logits, 0.5, 0)
    torch.testing.assert_close(rows, (2 * logits).softmax(-1))
    rows = rows / rows.sum(-2, keepdim=True)
    rows = rows / rows.sum(-1, keepdim=True)
    torch.testing.assert_close(sinkhorn(logits, 0.5, 1), rows)
    assert torch.autograd.gradcheck(lambda a: sinkhorn(a, 0.8, 4), (logits,))


def test_riffle_interleaves():
    assert riffle(8, 4).tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
