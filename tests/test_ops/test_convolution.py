"""The operator against a loop over its definition."""

import pickle
from fractions import Fraction
from itertools import product
from math import ceil, floor

import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.ops import AUTO, FORMS, CubeRuleError, Operands, convolve
from mmseg_cube.ops.geometry import make_geometry
from mmseg_cube.ops.rules import check_cube_rules, find_obstacle

EVERY = pytest.mark.parametrize('form', FORMS)


def cube_conv2d(
    x, weight, bias=None, stride=1, padding=0, form=AUTO, k=None, **options
):
    """Call the operator as ``F.conv2d`` is called."""
    pairs = [
        (value, value) if isinstance(value, int) else value
        for value in (stride, padding)
    ]
    geometry = make_geometry(
        k or tuple(weight.shape[2:]),
        tuple(weight.shape[2:]),
        stride=pairs[0],
        pads=tuple((p, p) for p in pairs[1]),
        **options,
    )
    return convolve(Operands(x, weight, bias, geometry), form)


def reference(x, weight, bias, stride, padding, dilation, groups, scale, k, p):
    """One output value at a time, straight from the definition."""
    n, c, height, width = x.shape
    d, depth, q, _ = weight.shape
    cell = scale * scale
    sizes = [
        (size + 2 * padding - dilation * (k - 1) - 1) // stride + 1
        for size in (height, width)
    ]
    out = x.new_zeros(n, d, *sizes)
    # Centre of the replaced window and of the lattice window, in pixels.
    middle = Fraction(scale * (dilation * (k - 1) + 1) - 1, 2)
    half = Fraction(dilation * (q - 1), 2)
    snap = floor if p == 'up_left' else ceil
    lead = snap(middle - half)
    for b, o, u, v in product(*map(range, (n, d, *sizes))):
        total = x.new_zeros(())
        for g, i, j in product(range(depth), range(q), range(q)):
            row = scale * (u * stride - padding) + lead + dilation * i
            col = scale * (v * stride - padding) + lead + dilation * j
            if not (0 <= row < scale * height and 0 <= col < scale * width):
                continue
            lattice_channel = (o // (d // groups)) * depth + g
            channel = (
                lattice_channel * cell + (row % scale) * scale + col % scale
            )
            value = x[b, channel, row // scale, col // scale]
            total = total + weight[o, g, i, j] * value
        out[b, o, u, v] = total + (0 if bias is None else bias[o])
    return out


NAMES = ('stride', 'padding', 'dilation', 'groups', 'scale')
CASES = {
    'as a 3 x 3': dict(),
    'other phase': dict(phase='down_right'),
    'stride 2': dict(stride=2),
    'stride 3, other phase': dict(stride=3, phase='down_right'),
    'no padding': dict(padding=0),
    'wide padding': dict(padding=3),
    'dilation 3': dict(dilation=3, padding=3),
    'kernel 4, centred': dict(lattice=4),
    'kernel 2 for a 2 x 2 stride 2': dict(k=2, stride=2, padding=0),
    'kernel 5': dict(k=5, padding=2),
    'kernel 5 for a 3 x 3': dict(lattice=5),
    'groups': dict(groups=2),
    'no bias': dict(bias=False),
    'scale 3': dict(scale=3),
    'scale 3, kernel 5': dict(scale=3, k=5, padding=2),
    'scale 1': dict(scale=1),
}


@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_equals_the_definition(case):
    case = dict(
        dict(k=3, stride=1, padding=1, dilation=1, groups=1, scale=2), **case
    )
    k, scale, groups = case['k'], case['scale'], case['groups']
    q = case.get('lattice', k)
    phase = case.get('phase', 'up_left')
    channels = 2 * groups * scale**2
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x = draw(2, channels, 7, 6)
    weight = draw(2 * groups, 2, q, q)
    bias = draw(2 * groups) if case.get('bias', True) else None
    shared = (case['stride'], case['padding'], case['dilation'], groups, scale)
    expected = reference(x, weight, bias, *shared, k, phase)
    plain = F.conv2d(x, draw(1, channels, k, k), None, *shared[:3])
    assert expected.shape[2:] == plain.shape[2:]
    options = dict(zip(NAMES, shared, strict=True), k=k, phase=phase)
    for form in (AUTO, *FORMS):
        out = cube_conv2d(x, weight, bias, form=form, **options)
        torch.testing.assert_close(out, expected, atol=1e-10, rtol=0, msg=form)


def cells(lattice):
    """The input that reconstruction lays out as a lattice of scale 2."""
    return F.pixel_unshuffle(lattice, 2)


@EVERY
def test_axes_of_every_option(form):
    torch.manual_seed(0)
    x = torch.randn(1, 8, 9, 8, dtype=torch.float64)
    weight = torch.randn(2, 2, 3, 5, dtype=torch.float64)
    options = dict(stride=(1, 2), padding=(2, 5), dilation=(1, 3))
    out = cube_conv2d(x, weight, form=form, **options)
    # Transposing the lattice swaps the axes.
    x = cells(F.pixel_shuffle(x, 2).transpose(2, 3))
    options = {name: pair[::-1] for name, pair in options.items()}
    turned = cube_conv2d(x, weight.transpose(2, 3), form=form, **options)
    torch.testing.assert_close(out, turned.transpose(2, 3))


@EVERY
def test_phases_mirror_each_other(form):
    torch.manual_seed(0)
    x = torch.randn(1, 8, 5, 6, dtype=torch.float64)
    weight = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    options = dict(padding=1, form=form)
    out = cube_conv2d(x, weight, phase='up_left', **options)
    x = cells(F.pixel_shuffle(x, 2).flip(2, 3))
    weight = weight.flip(2, 3)
    mirrored = cube_conv2d(x, weight, phase='down_right', **options)
    torch.testing.assert_close(out, mirrored.flip(2, 3))


def test_reconstruction_order():
    x = torch.arange(2 * 8 * 2 * 3).reshape(2, 8, 2, 3)
    z = F.pixel_shuffle(x, 2)
    for n, g, h, w, i, j in product(*map(range, (2, 2, 2, 3, 2, 2))):
        expected = x[n, g * 4 + i * 2 + j, h, w]
        assert z[n, g, 2 * h + i, 2 * w + j] == expected


@EVERY
@pytest.mark.parametrize('phase', ['up_left', 'down_right'])
def test_gradcheck(phase, form):
    x = torch.randn(1, 8, 3, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *a: cube_conv2d(*a, padding=1, phase=phase, form=form),
        (x, weight, bias),
        fast_mode=True,
    )


@EVERY
def test_layout_of_the_input_does_not_matter(form):
    x = torch.randn(2, 16, 9, 8)
    weight = torch.randn(4, 4, 3, 3)
    options = dict(padding=1, form=form)
    out = cube_conv2d(x, weight, **options)
    for other in (
        x.to(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
    ):
        torch.testing.assert_close(cube_conv2d(other, weight, **options), out)


@EVERY
def test_one_sample_needs_no_batch(form):
    x = torch.randn(8, 5, 6)
    weight = torch.randn(2, 2, 3, 3, requires_grad=True)
    out = cube_conv2d(x, weight, padding=1, form=form)
    expected = cube_conv2d(x[None], weight, padding=1, form=form)
    assert torch.equal(out, expected[0])
    # Also where the next layer works in place.
    out.relu_().sum().backward()
    assert weight.grad.abs().sum() > 0


@EVERY
def test_empty_batch(form):
    x = torch.randn(0, 8, 5, 6, requires_grad=True)
    weight = torch.randn(2, 2, 3, 3, requires_grad=True)
    out = cube_conv2d(x, weight, padding=1, form=form)
    assert out.shape == (0, 2, 5, 6)
    out.sum().backward()
    assert x.grad.shape == x.shape
    assert torch.equal(weight.grad, torch.zeros_like(weight))


@pytest.mark.parametrize(
    'channels, kernel, options, reason, message',
    [
        ((6, 2), 3, {}, 'with 6 channels', 'divisible by scale.*got 6; .* 8'),
        ((8, 4), 3, dict(groups=4), 'grouped', 'splits a cell.*=4'),
        ((8, 3), 3, dict(groups=2), 'grouped', 'out_channels.*got 3'),
        ((8, 2), 1, {}, 'of 1 x 1', r'at least scale=2.*\(1, 1\)'),
        ((8, 2), 3, dict(dilation=2), 'dilated', r'share no.*\(2, 2\)'),
    ],
)
def test_rules_name_the_value(channels, kernel, options, reason, message):
    geometry = make_geometry(kernel, **options)
    with pytest.raises(CubeRuleError, match=message) as info:
        check_cube_rules(*channels, geometry)
    assert info.value.reason == reason
    assert pickle.loads(pickle.dumps(info.value)).reason == reason


def test_a_kernel_without_neighbours_need_not_grow():
    geometry = make_geometry(1, 3)
    assert find_obstacle(8, 8, geometry) is None
    obstacle = find_obstacle(8, 8, geometry, may_grow=False)
    assert obstacle.reason == 'of 1 x 1'
    assert 'no neighbours' in str(obstacle)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(phase='middle'), r"phase must be one of .*up_left.*'middle'"),
        (dict(scale=0), 'scale must be at least 1, but got 0'),
    ],
)
def test_options_out_of_their_domain(options, message):
    with pytest.raises(ValueError, match=message):
        make_geometry(3, **options)
