"""The fused lattice form: derivatives of every order, parts, strides."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.ops import FORMS, convolve
from mmseg_cube.ops.fused_lattice import fused_lattice
from mmseg_cube.ops.lattice import plain_lattice

SMALL = dict(batch=2, depth=2, size=(3, 4), blocks=1)
NAMES = ('input', 'weight', 'bias', 'mask weight', 'mask bias', 'relaxed')


@pytest.fixture
def apply(draw, operands_of):
    """Make a function of tensors, and the tensors that it takes."""

    def made(dtype=torch.float64, function=fused_lattice, **options):
        operands, tensors = draw(dtype, **SMALL | options)
        known = operands.geometry, operands.order
        return lambda *t: function(operands_of(*known, *t)), tensors

    return made


@pytest.mark.parametrize('form', FORMS)
def test_gradcheck(form, apply):
    function, (*tensors, _) = apply(function=partial(convolve, form=form))
    assert torch.autograd.gradcheck(function, tensors, fast_mode=True)


@pytest.mark.parametrize('relaxed', [False, True])
def test_gradient_of_a_gradient_reaches_everything(relaxed, apply):
    def penalty(kind):
        function, tensors = apply(function=kind)
        tensors = tensors[: 5 + relaxed]
        loss = function(*tensors).square().sum()
        grads = torch.autograd.grad(loss, tensors, create_graph=True)
        size = sum(grad.square().sum() for grad in grads)
        return torch.autograd.grad(size, tensors[:5])

    torch.testing.assert_close(penalty(fused_lattice), penalty(plain_lattice))


@pytest.mark.usefixtures('way')
@pytest.mark.parametrize('alone', [(n,) for n in NAMES] + [NAMES[1:], ()])
def test_only_what_is_wanted_is_computed(alone, apply):
    function, tensors = apply()

    def grads(names):
        for name, t in zip(NAMES, tensors, strict=True):
            t.requires_grad_(name in names)
            t.grad = None
        out = function(*tensors)
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


VIEWS = dict(
    transposed=lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    every_other_sample=lambda x: x.repeat_interleave(2, 0)[::2],
    some_channels=lambda x: torch.cat((x, x), 1)[:, : x.shape[1]],
    shifted=lambda x: F.pad(x, (1, 1, 1, 1))[..., 1:-1, 1:-1],
    repeated=lambda x: x[:1].expand(4, -1, -1, -1),
)


@pytest.mark.usefixtures('way')
@pytest.mark.parametrize('view', VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize('last', [False, True])
def test_strides_of_the_input_do_not_matter(view, last, apply):
    function, (x, *rest) = apply(batch=3)
    x = x.detach()
    if last:
        x = x.to(memory_format=torch.channels_last)
    results = []
    for given in (view(x), view(x).clone(memory_format=torch.preserve_format)):
        given.requires_grad_()
        out = function(given, *rest)
        grads = torch.autograd.grad(out.square().sum(), (given, *rest))
        results.append((out, *grads))
    torch.testing.assert_close(*results, atol=1e-10, rtol=0)


@pytest.mark.usefixtures('way')
@pytest.mark.parametrize('last', [False, True])
@pytest.mark.parametrize('lattice_stride', [1, 2])
def test_output_may_be_changed_in_place(last, lattice_stride, apply):
    options = dict(lattice_stride=lattice_stride)
    function, (x, *rest) = apply(torch.float32, **options)
    if last:
        x = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    grads = [
        torch.autograd.grad(act(function(x, *rest)).square().sum(), (x, *rest))
        for act in (torch.relu_, torch.relu)
    ]
    torch.testing.assert_close(*grads, atol=0, rtol=0)


def test_input_changed_before_the_backward_pass_is_noticed(apply):
    function, (x, *rest) = apply()
    given = x * 1
    out = function(given, *rest)
    given.mul_(2)
    with pytest.raises(RuntimeError, match='modified by an inplace'):
        out.sum().backward()
