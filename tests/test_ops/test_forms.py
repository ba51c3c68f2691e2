"""The execution forms against each other, forward and backward."""

from functools import partial

import pytest
import torch

from mmseg_cube.ops import (
    AUTO,
    FORMS,
    Geometry,
    Operands,
    choose_form,
    convolve,
    forms_of,
)
from mmseg_cube.ops.lattice import plain_lattice

LAST = torch.channels_last
NAMES = ('input', 'weight', 'bias', 'mask weight', 'mask bias', 'relaxed')
ONE = ((1, 1), (1, 1))


def run(function, operands, tensors, *form):
    """Output and gradients, by name."""
    out = function(operands, *form)
    generator = torch.Generator().manual_seed(1)
    seed = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    grads = torch.autograd.grad((out * seed.to(out)).sum(), tensors)
    return dict(zip(('output', *NAMES), (out, *grads), strict=True))


def check(found, expected, limit):
    """Compare errors relative to the largest value with a limit."""
    for name, value in expected.items():
        error = (found[name].double() - value).abs().max()
        assert error <= limit * value.abs().max().clamp(min=1e-3), name


def check_forms(operands, tensors, expected, limit):
    """Check every form, with channels last as well."""
    x, *others = tensors
    last = x.detach().to(memory_format=LAST).requires_grad_()
    for form in (AUTO, *forms_of(operands.geometry)):
        for given in (x, last):
            given = operands._replace(input=given), (given, *others)
            check(run(convolve, *given, form), expected, limit)


@pytest.mark.usefixtures('way')
def test_all_are_exact_to_each_other(case, draw):
    expected = run(plain_lattice, *draw(**case))
    check_forms(*draw(torch.float64, **case), expected, 1e-10)
    check_forms(*draw(torch.float32, **case), expected, 1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_computes_the_same(case, draw, operands_of):
    operands, tensors = draw(**case)
    expected = run(plain_lattice, operands, tensors)
    expected = {name: value.cuda() for name, value in expected.items()}
    tensors = [t.detach().cuda().requires_grad_() for t in tensors]
    given = operands_of(operands.geometry, operands.order.cuda(), *tensors)
    check_forms(given, tensors, expected, 1e-10)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('parts', ['mask', 'order', 'neither'])
def test_mask_and_order_are_optional(form, parts, draw):
    operands, (*wanted, _) = draw()
    operands = operands._replace(relaxed=None)
    if parts != 'order':
        operands = operands._replace(order=None)
    if parts != 'mask':
        operands, wanted = operands._replace(mask=None), wanted[:3]
    results = []
    for out in (convolve(operands, form), plain_lattice(operands)):
        grads = torch.autograd.grad(out.square().sum(), wanted)
        results.append((out, *grads))
    torch.testing.assert_close(*results, atol=1e-10, rtol=0)


@pytest.mark.usefixtures('way')
@pytest.mark.parametrize('form', FORMS)
def test_empty_batch(form, draw):
    full, tensors = draw(batch=0)
    bare = full._replace(mask=None, order=None, relaxed=None)
    for operands, wanted in ((bare, tensors[:3]), (full, tensors)):
        out = convolve(operands, form)
        assert out.shape == (0, 4, 7, 6)
        for grad in torch.autograd.grad(out.sum(), wanted):
            assert not grad.any()


@pytest.mark.parametrize('scale', [1, 2, 3, 4])
def test_complex_numbers_at_any_scale(scale):
    torch.manual_seed(0)
    shapes = (1, 2 * scale**2, 5, 6), (3, 2, 4, 4), (3,)
    draw = partial(torch.randn, dtype=torch.cdouble, requires_grad=True)
    wanted, results = list(map(draw, shapes)), []
    geometry = Geometry((3, 3), (4, 4), pads=ONE, scale=scale)
    given = Operands(*wanted, geometry)
    forms = (partial(convolve, form=form) for form in (AUTO, *FORMS))
    for function in (plain_lattice, *forms):
        out = function(given)
        grads = torch.autograd.grad(out.abs().sum(), wanted)
        results.append((out, *grads))
        torch.testing.assert_close(results[0], results[-1])
    assert out.shape == (1, 3, 5, 6)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('options', [{}, dict(padding=0), dict(stride=2)])
def test_layouts_are_those_of_conv2d(form, options, draw):
    full, (x, weight, *_) = draw(**options)
    x, weight = x.detach(), weight.detach()
    last_x, last_weight = (t.to(memory_format=LAST) for t in (x, weight))
    bare = full._replace(mask=None, order=None, relaxed=None)
    for operands in (full, bare):
        for input, kernel, last in (
            (x, weight, False),
            (last_x, weight, True),
            (x, last_weight, True),
        ):
            input = input.detach().requires_grad_()
            given = operands._replace(input=input, weight=kernel)
            out = convolve(given, form)
            assert out.is_contiguous(memory_format=LAST) == last
            assert out.is_contiguous() != last
            out.sum().backward()
            assert input.grad.stride() == input.stride()


SMALL, LARGE = (
    Geometry(kernel_size=(3, 3), taps=(q, q), pads=ONE) for q in (3, 4)
)


@pytest.mark.parametrize(
    'channels, geometry, trained, form',
    [
        (60, SMALL, True, 'folded'),
        (64, SMALL, True, 'folded'),
        (128, SMALL, True, 'parity'),
        (60, SMALL, False, 'folded'),
        (64, SMALL, False, 'lattice'),
        (256, SMALL, False, 'parity'),
        (60, LARGE, True, 'folded'),
        (64, LARGE, True, 'lattice'),
        (512, LARGE, False, 'lattice'),
    ],
)
def test_chosen_form(channels, geometry, trained, form):
    x = torch.empty(1, channels, 4, 4)

    def choose(x, mask=None, layout=torch.contiguous_format):
        weight = torch.empty(8, channels // 4, 3, 3).to(memory_format=layout)
        return choose_form(Operands(x, weight, None, geometry, mask))

    with torch.set_grad_enabled(trained):
        assert choose(x) == form
        last = 'folded' if channels == 60 else 'lattice'
        assert choose(x.to(memory_format=LAST)) == last
        assert choose(x, layout=LAST) == (form if trained else last)
        # With a mask, and elsewhere than on a CPU.
        assert choose(x, ()) == choose(x.to('meta')) == 'lattice'
