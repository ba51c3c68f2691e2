"""The fused lattice form: derivatives of every order, parts, layouts."""

import pytest
import torch

from mmseg_cube.ops import Geometry
from mmseg_cube.ops.fused_lattice import fused_lattice, plain_lattice

GEOMETRY = Geometry((3, 3), (3, 3), pads=((1, 1), (1, 1)))
NAMES = ('input', 'weight', 'bias', 'mask weight', 'mask bias', 'relaxed')


def draw(batch=2, channels=8, height=3, width=4):
    torch.manual_seed(0)
    order = torch.randperm(channels)
    tensors = (
        torch.randn(batch, channels, height, width),
        torch.randn(3, channels // 4, 3, 3),
        torch.randn(3),
        torch.randn(1, 2, 3, 3),
        torch.randn(1),
        torch.rand(1, channels, channels),
    )
    return order, [t.double().requires_grad_() for t in tensors]


def call(function, order, x, weight, bias, *mask, relaxed=None):
    return function(x, weight, bias, GEOMETRY, mask, order, relaxed)


def test_gradcheck():
    order, (*tensors, _) = draw()
    assert torch.autograd.gradcheck(
        lambda *a: call(fused_lattice, order, *a), tensors, fast_mode=True
    )


@pytest.mark.parametrize('relaxed', [False, True])
def test_double_backward(relaxed):
    order, (*tensors, relaxation) = draw(batch=1, channels=4)
    relaxed = relaxation if relaxed else None
    assert torch.autograd.gradgradcheck(
        lambda *a: call(fused_lattice, order, *a, relaxed=relaxed),
        tensors,
        fast_mode=True,
    )


def test_gradient_of_a_gradient_reaches_everything():
    order, tensors = draw()

    def penalty(function):
        *most, relaxed = tensors
        out = call(function, order, *most, relaxed=relaxed)
        loss = out.square().sum()
        grads = torch.autograd.grad(loss, tensors, create_graph=True)
        size = sum(grad.square().sum() for grad in grads)
        return torch.autograd.grad(size, tensors[:-1])

    torch.testing.assert_close(penalty(fused_lattice), penalty(plain_lattice))


@pytest.mark.parametrize('alone', [(n,) for n in NAMES] + [NAMES[1:], ()])
@pytest.mark.parametrize('small', [None, 1])
def test_only_what_is_wanted_is_computed(alone, small, monkeypatch):
    if small is not None:
        monkeypatch.setattr('mmseg_cube.ops.fused_lattice.SMALL', small)
    order, tensors = draw()

    def grads(names):
        for name, t in zip(NAMES, tensors, strict=True):
            t.requires_grad_(name in names)
            t.grad = None
        *most, relaxed = tensors
        out = call(fused_lattice, order, *most, relaxed=relaxed)
        assert out.requires_grad == bool(names)
        if names:
            out.square().sum().backward()
        return dict(zip(NAMES, (t.grad for t in tensors), strict=True))

    expected, found = grads(NAMES), grads(alone)
    for name in NAMES:
        if name in alone:
            assert torch.equal(found[name], expected[name]), name
        else:
            assert found[name] is None, name


def transposed(x):
    return x.transpose(2, 3).contiguous().transpose(2, 3)


def every_other_sample(x):
    return x.repeat_interleave(2, 0)[::2]


def some_channels(x):
    return torch.cat((x, x), 1)[:, : x.shape[1]]


def shifted(x):
    return torch.nn.functional.pad(x, (1, 1, 1, 1))[..., 1:-1, 1:-1]


def repeated(x):
    return x[:1].expand(4, -1, -1, -1)


@pytest.mark.parametrize(
    'view',
    [transposed, every_other_sample, some_channels, shifted, repeated],
)
@pytest.mark.parametrize('last', [False, True])
@pytest.mark.parametrize('small', [None, 1])
def test_strides_of_the_input_do_not_matter(view, last, small, monkeypatch):
    if small is not None:
        monkeypatch.setattr('mmseg_cube.ops.fused_lattice.SMALL', small)
    order, (x, *rest, relaxed) = draw(batch=3)
    x = x.detach()
    if last:
        x = x.to(memory_format=torch.channels_last)
    results = []
    for given in (view(x), view(x).clone(memory_format=torch.preserve_format)):
        for t in (given.requires_grad_(), *rest, relaxed):
            t.grad = None
        out = call(fused_lattice, order, given, *rest, relaxed=relaxed)
        out.square().sum().backward()
        grads = [t.grad for t in (given, *rest, relaxed)]
        results.append((out.detach(), *grads))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


@pytest.mark.parametrize('last', [False, True])
def test_output_may_be_changed_in_place(last):
    order, tensors = draw()
    tensors = [t.detach().float().requires_grad_() for t in tensors]
    x, *rest, relaxed = tensors
    if last:
        x = x.detach().to(memory_format=torch.channels_last).requires_grad_()

    def grads(act):
        out = call(fused_lattice, order, x, *rest, relaxed=relaxed)
        loss = act(out).square().sum()
        return torch.autograd.grad(loss, (x, *rest, relaxed))

    for a, b in zip(grads(torch.relu_), grads(torch.relu), strict=True):
        assert torch.equal(a, b)


def test_empty_batch():
    order, tensors = draw(batch=0)
    *most, relaxed = tensors
    tensors = [t.detach().float().requires_grad_() for t in (*most, relaxed)]
    out = call(fused_lattice, order, *tensors[:-1], relaxed=tensors[-1])
    assert out.shape == (0, 3, 3, 4)
    for name, grad in zip(
        NAMES, torch.autograd.grad(out.sum(), tensors), strict=True
    ):
        assert not grad.any(), name


def test_input_changed_before_the_backward_pass_is_noticed():
    order, (x, *rest, _) = draw()
    given = x * 1
    out = call(fused_lattice, order, given, *rest)
    given.mul_(2)
    with pytest.raises(RuntimeError, match='modified by an inplace'):
        out.sum().backward()
