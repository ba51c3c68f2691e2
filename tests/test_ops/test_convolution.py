"""The operator against a loop over its definition."""

import os
import pickle
from fractions import Fraction
from itertools import product
from math import ceil, floor
from random import Random

import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.ops import (
    AUTO,
    FORMS,
    CubeRuleError,
    Operands,
    convolve,
    forms_of,
)
from mmseg_cube.ops.geometry import make_geometry, sites_of, to_pair
from mmseg_cube.ops.rules import check_cube_rules, find_obstacle


def reference(x, weight, bias, geometry):
    """One output value at a time, straight from the definition."""
    n, c, *sizes = x.shape
    scale, (rows, columns) = geometry.scale, windows(sizes, geometry)
    sites = len(rows[0])  # along an axis; their outputs follow each other
    d, depth, *taps = weight.repeat_interleave(sites**2, 0).shape
    out = x.new_zeros(n, d, len(rows), len(columns))
    for b, o, u, v in product(*map(range, out.shape)):
        total = x.new_zeros(()) if bias is None else bias[o]
        kernel, site = divmod(o, sites**2)
        down, right = divmod(site, sites)
        for g, i, j in product(*map(range, (depth, *taps))):
            row, col = rows[u][down][i], columns[v][right][j]
            if 0 <= row < scale * sizes[0] and 0 <= col < scale * sizes[1]:
                lattice_channel = o // (d // geometry.groups) * depth + g
                place = row % scale * scale + col % scale
                channel = lattice_channel * scale**2 + place
                value = x[b, channel, row // scale, col // scale]
                total = total + weight[kernel, g, i, j] * value
        out[b, o, u, v] = total
    return out


def windows(sizes, geometry):
    """Lattice pixels that each site of each output reads, on both axes."""
    step = geometry.lattice_stride or geometry.scale
    starts = range(0, geometry.scale, step)
    options = zip(sizes, *geometry[:5], strict=True)
    for size, k, q, stride, (pad, _), dilation in options:
        reach = dilation * (k - 1) + 1
        # Centre of the replaced window and of the lattice window, in pixels.
        middle = Fraction(geometry.scale * reach - 1, 2)
        half = Fraction(dilation * (q - 1) + starts[-1], 2)
        snap = floor if geometry.phase == 'up_left' else ceil
        first = snap(middle - half)
        yield [
            [
                [
                    geometry.scale * (u * stride - pad)
                    + first
                    + start
                    + dilation * i
                    for i in range(q)
                ]
                for start in starts
            ]
            for u in range((size + 2 * pad - reach) // stride + 1)
        ]


SHARED = dict(lattice_stride=1)
CASES = {
    'as a 3 x 3': dict(),
    'other phase': dict(phase='down_right'),
    'stride 2': dict(stride=2),
    'stride 3, other phase': dict(stride=3, phase='down_right'),
    'no padding': dict(padding=0),
    'wide padding': dict(padding=3),
    'dilation 3': dict(dilation=3, padding=3),
    'kernel 4, centred': dict(taps=4),
    'kernel 2 for a 2 x 2 stride 2': dict(k=2, stride=2, padding=0),
    'kernel 5': dict(k=5, padding=2),
    'kernel 5 for a 3 x 3': dict(taps=5),
    'axes that differ': dict(
        k=(3, 5), stride=(1, 2), padding=(2, 5), dilation=(1, 3)
    ),
    'groups': dict(groups=2),
    'no bias': dict(bias=False),
    'scale 3': dict(scale=3),
    'scale 3, kernel 5': dict(scale=3, k=5, padding=2),
    'scale 1': dict(scale=1),
    'shared': dict(lattice_stride=1),
    'shared, kernel 2': dict(lattice_stride=1, taps=2),
    'shared, kernel 4': dict(lattice_stride=1, taps=4),
    'shared, kernel 4, other phase': dict(
        lattice_stride=1, taps=4, phase='down_right'
    ),
    'shared, kernel 5, no padding': dict(lattice_stride=1, taps=5, padding=0),
    'shared, stride 2': dict(lattice_stride=1, stride=2),
    'shared, dilation 3': dict(lattice_stride=1, dilation=3, padding=3),
    'shared, axes that differ': dict(
        lattice_stride=1, k=(3, 5), stride=(1, 2), padding=(2, 5)
    ),
    'shared, groups': dict(lattice_stride=1, groups=2),
    'shared, scale 3': dict(lattice_stride=1, scale=3),
    'shared in part': dict(lattice_stride=2, scale=4, channels=1, k=5),
}


def draw(k=3, stride=1, padding=1, bias=True, channels=2, **options):
    """Operands, and the options of the convolution that is replaced."""
    stride, padding = to_pair(stride), to_pair(padding)
    pads = tuple((p, p) for p in padding)
    geometry = make_geometry(k, stride=stride, pads=pads, **options)
    torch.manual_seed(0)
    groups, shared = geometry.groups, sites_of(geometry) ** 2
    tensors = (
        torch.randn(2, channels * groups * geometry.scale**2, 7, 6),
        torch.randn(2 * groups, channels, *geometry.taps),
        torch.randn(2 * groups * shared) if bias else None,
    )
    tensors = [t if t is None else t.double() for t in tensors]
    return Operands(*tensors, geometry), (stride, padding, geometry.dilation)


def compare_with_definition(case):
    operands, options = draw(**case)
    expected = reference(*operands[:4])
    kernel = torch.ones(1, operands.input.shape[1], *to_pair(case.get('k', 3)))
    plain = F.conv2d(operands.input, kernel.double(), None, *options)
    assert expected.shape[2:] == plain.shape[2:]
    for form in (AUTO, *forms_of(operands.geometry)):
        out = convolve(operands, form)
        message = f'{form}, {case}'
        exact = dict(atol=1e-10, rtol=0, msg=message)
        torch.testing.assert_close(out, expected, **exact)


@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_equals_the_definition(case):
    compare_with_definition(case)


def draw_case(random):
    """Any case that keeps the rules, on a grid that has an output."""
    while True:
        scale = random.choice([1, 2, 2, 3, 4])
        steps = [step for step in range(1, scale + 1) if scale % step == 0]

        def pair(least, most):
            return random.randint(least, most), random.randint(least, most)

        case = dict(
            k=pair(1, 5),
            taps=pair(1, 6),
            stride=pair(1, 3),
            padding=pair(0, 4),
            dilation=(random.choice([1, 1, 3]), random.choice([1, 1, 5])),
            groups=random.choice([1, 2]),
            phase=random.choice(['up_left', 'down_right']),
            bias=random.random() < 0.5,
            scale=scale,
            lattice_stride=random.choice(steps),
            channels=1,
        )
        operands, options = draw(**case)
        channels = operands.input.shape[1], 2 * case['groups'] * scale**2
        fits = all(
            size + 2 * pad > dilation * (k - 1)
            for size, k, pad, dilation in zip(
                (7, 6), case['k'], *options[1:], strict=True
            )
        )
        if fits and not find_obstacle(*channels, operands.geometry):
            return case


def test_random_geometries():
    """CUBE_GEOMETRIES=500 in the environment tries more of them."""
    random = Random(0)
    for _ in range(int(os.environ.get('CUBE_GEOMETRIES', 30))):
        compare_with_definition(draw_case(random))


@pytest.mark.parametrize('form', FORMS)
def test_one_sample_needs_no_batch(form):
    operands, _ = draw()
    weight = operands.weight.requires_grad_()
    sample = operands._replace(input=operands.input[0])
    out = convolve(sample, form)
    assert torch.equal(out, convolve(operands, form)[0])
    # Also where the next layer works in place.
    out.relu_().sum().backward()
    assert weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    'channels, kernel, options, reason, message',
    [
        ((6, 2), 3, {}, 'with 6 channels', 'divisible by scale.*got 6; .* 8'),
        ((8, 4), 3, dict(groups=4), 'grouped', 'splits a cell.*=4'),
        ((8, 3), 3, dict(groups=2), 'grouped', 'out_channels.*got 3'),
        ((8, 2), 1, {}, 'of 1 x 1', r'at least 2 wide.*\(1, 1\)'),
        ((8, 6), 3, SHARED, 'with 6 outputs', 'the 4 windows.*got 6'),
        ((16, 4), 3, dict(SHARED, groups=2), 'grouped', 'the 4 .*got 4'),
        ((8, 4), 1, SHARED, 'of 1 x 1', r'at least 2 wide'),
        ((8, 2), 3, dict(dilation=2), 'dilated', r'share no.*\(2, 2\)'),
    ],
)
def test_rules_name_the_value(channels, kernel, options, reason, message):
    geometry = make_geometry(kernel, **options)
    with pytest.raises(CubeRuleError, match=message) as info:
        check_cube_rules(*channels, geometry)
    assert info.value.reason == reason
    assert pickle.loads(pickle.dumps(info.value)).reason == reason


@pytest.mark.parametrize('step', [0, 3, -1])
def test_a_lattice_stride_divides_the_scale(step):
    with pytest.raises(ValueError, match=f'divide scale=2, but got {step}'):
        make_geometry(3, lattice_stride=step)


def test_a_kernel_without_neighbours_need_not_grow():
    geometry = make_geometry(1, 3)
    assert find_obstacle(8, 8, geometry) is None
    obstacle = find_obstacle(8, 8, geometry, may_grow=False)
    assert obstacle.reason == 'of 1 x 1'
    assert 'no neighbours' in str(obstacle)
