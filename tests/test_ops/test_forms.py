"""The execution forms against each other, forward and backward."""

import pytest
import torch

from mmseg_cube.ops import AUTO, FORMS, Geometry, choose_form, convolve
from mmseg_cube.ops.fused_lattice import plain_lattice

LAST = torch.channels_last
NAMES = ('input', 'weight', 'bias', 'mask weight', 'mask bias', 'relaxed')
ONE = ((1, 1), (1, 1))
NONE = ((0, 0), (0, 0))
CASES = {
    'as a 3 x 3': dict(pads=ONE),
    'other phase': dict(pads=ONE, phase='down_right'),
    '1 x 1': dict(pads=ONE, size=(1, 1)),
    'single row': dict(pads=ONE, size=(1, 6), phase='down_right'),
    'single column': dict(pads=ONE, size=(7, 1)),
    'stride 2': dict(pads=ONE, stride=(2, 2)),
    'no padding': dict(pads=NONE),
    'no padding, other phase': dict(pads=NONE, phase='down_right'),
    'no padding, wide kernel': dict(pads=NONE, taps=(5, 5)),
    'wide padding': dict(pads=((3, 3), (2, 2)), stride=(1, 3)),
    'uneven padding': dict(pads=((0, 2), (1, 0))),
    'groups': dict(pads=ONE, groups=2),
    'scale 3': dict(pads=ONE, scale=3, channels=18),
    'scale 1': dict(pads=ONE, scale=1),
}


def draw(dtype=torch.float64, channels=16, size=(7, 6), **options):
    """Geometry, order and every tensor that can get a gradient."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    options = dict(dict(kernel_size=(3, 3), taps=(3, 3)), **options)
    geometry = Geometry(**options)
    depth = channels // geometry.scale**2 // geometry.groups
    tensors = (
        # Behind a ReLU many maxima are shared, by zeros.
        random(3, channels, *size).relu(),
        random(4, depth, *geometry.taps),
        random(4),
        random(1, 2, 3, 3),
        random(1),
        random(2, channels // 2, channels // 2).softmax(-1),
    )
    half = torch.randperm(channels // 2, generator=generator)
    order = torch.cat((half, half.flip(0) + channels // 2))
    tensors = [t.to(dtype).requires_grad_() for t in tensors]
    return geometry, order, tensors


def run(function, geometry, order, tensors, *form):
    """Output and gradients, by name."""
    x, weight, bias, mask_weight, mask_bias, relaxed = tensors
    mask = mask_weight, mask_bias
    out = function(x, weight, bias, geometry, *form, mask, order, relaxed)
    generator = torch.Generator().manual_seed(1)
    seed = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    grads = torch.autograd.grad((out * seed.to(out)).sum(), tensors)
    return dict(zip(('output', *NAMES), (out, *grads), strict=True))


def error(found, expected):
    """Largest error relative to the largest value, and its name."""
    errors = {
        name: (
            (found[name].double() - value).abs().max()
            / value.abs().max().clamp(min=1e-3)
        ).item()
        for name, value in expected.items()
    }
    return max((value, name) for name, value in errors.items())


@pytest.fixture(params=['at once', 'by sample'])
def by_sample(request, monkeypatch):
    if request.param == 'by sample':
        monkeypatch.setattr('mmseg_cube.ops.fused_lattice.SMALL', 1)


@pytest.mark.usefixtures('by_sample')
@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_all_are_exact_to_each_other(case):
    geometry, order, tensors = draw(**case)
    expected = run(plain_lattice, geometry, order, tensors)
    for dtype, limit in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        _, _, tensors = draw(dtype, **case)
        last = tensors[0].detach().to(memory_format=torch.channels_last)
        for form in (AUTO, *FORMS):
            for x in (tensors[0], last.requires_grad_()):
                given = x, *tensors[1:]
                found = run(convolve, geometry, order, given, form)
                worst = error(found, expected)
                assert worst[0] <= limit, (form, dtype, worst)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('parts', ['mask', 'order', 'neither'])
def test_mask_and_order_are_optional(form, parts):
    geometry, order, (x, weight, bias, *mask, _) = draw(pads=ONE)
    mask = mask if parts == 'mask' else None
    order = order if parts == 'order' else None
    out = convolve(x, weight, bias, geometry, form, mask, order)
    expected = plain_lattice(x, weight, bias, geometry, mask, order)
    wanted = [t for t in (x, weight, bias, *(mask or ())) if t is not None]
    for a, b in zip(
        (out, *torch.autograd.grad(out.square().sum(), wanted)),
        (expected, *torch.autograd.grad(expected.square().sum(), wanted)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('case', ['as a 3 x 3', 'no padding', 'stride 2'])
def test_output_has_the_layout_of_conv2d(form, case):
    geometry, order, tensors = draw(**CASES[case])
    last = dict(memory_format=torch.channels_last)
    x, weight, bias, *mask, relaxed = (t.detach() for t in tensors)

    def layout(x, weight, *parts):
        out = convolve(x, weight, bias, geometry, form, *parts)
        return out.is_contiguous(), out.is_contiguous(**last)

    for parts in ((), (mask, order, relaxed)):
        assert layout(x, weight, *parts) == (True, False)
        assert layout(x.to(**last), weight, *parts) == (False, True)
        assert layout(x, weight.to(**last), *parts) == (False, True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_gpu_computes_the_same(case):
    geometry, order, tensors = draw(**case)
    expected = run(plain_lattice, geometry, order, tensors)
    expected = {name: value.cuda() for name, value in expected.items()}
    tensors = [t.detach().cuda().requires_grad_() for t in tensors]
    last = tensors[0].detach().to(memory_format=torch.channels_last)
    for form in (AUTO, *FORMS):
        for x in (tensors[0], last.requires_grad_()):
            given = x, *tensors[1:]
            found = run(convolve, geometry, order.cuda(), given, form)
            worst = error(found, expected)
            assert worst[0] <= 1e-10, (form, worst)


@pytest.mark.parametrize('trained', [True, False])
@pytest.mark.parametrize('layout', [torch.contiguous_format, LAST])
def test_large_kernels_are_not_folded(trained, layout):
    small = Geometry(kernel_size=(3, 3), taps=(3, 3), pads=ONE)
    large = small._replace(taps=(4, 4))
    for channels in (60, 64, 128, 512):
        x = torch.empty(1, channels, 4, 4).to(memory_format=layout)
        with torch.set_grad_enabled(trained):
            form = choose_form(x, large, masked=False)
            assert form == ('folded' if channels == 60 else 'lattice')
            masked = choose_form(x, small, masked=True)
            assert masked == 'lattice'
    if layout is not LAST:
        with torch.set_grad_enabled(trained):
            assert choose_form(x, small, masked=False) == 'parity'
