"""The operator against a loop over its definition."""

import pickle
from fractions import Fraction
from itertools import product
from math import ceil, floor

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from mmseg_cube.ops import (
    AUTO,
    FORMS,
    PHASES,
    CubeRuleError,
    Operands,
    convolve,
    forms_of,
)
from mmseg_cube.ops.geometry import make_geometry, window_step
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
    starts = range(0, geometry.scale, window_step(geometry))
    options = zip(sizes, *geometry[:5], strict=True)
    for size, k, q, stride, (pad, after), dilation in options:
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
            for u in range((size + pad + after - reach) // stride + 1)
        ]


@pytest.fixture
def compare_with_definition(draw):
    @torch.no_grad()
    def compare(biased=True, **case):
        operands, _ = draw(**dict(batch=1, depth=2) | case)
        x, weight, bias, geometry, *_ = operands
        operands = Operands(x, weight, bias if biased else None, geometry)
        expected = reference(*operands[:4])
        (rows, columns), taps = geometry.pads, geometry.kernel_size
        padded = F.pad(x, (*columns, *rows))
        kernel = x.new_ones(1, x.shape[1], *taps)
        options = dict(stride=geometry.stride, dilation=geometry.dilation)
        plain = F.conv2d(padded, kernel, **options)
        assert expected.shape[2:] == plain.shape[2:]
        for form in (AUTO, *forms_of(geometry)):
            out = convolve(operands, form)
            exact = dict(atol=1e-10, rtol=0, msg=f'{form}, {case}')
            torch.testing.assert_close(out, expected, **exact)

    return compare


def test_equals_the_definition(case, compare_with_definition):
    compare_with_definition(**case)


def pairs(least, most):
    return st.tuples(*[st.integers(least, most)] * 2)


STEPS = [(r, t) for r in (1, 2, 3, 4) for t in range(1, r + 1) if r % t == 0]
ANY = dict(
    size=pairs(1, 7),
    kernel=pairs(1, 5),
    taps=pairs(1, 6),
    stride=pairs(1, 3),
    padding=pairs(0, 4),
    dilation=st.tuples(*[st.sampled_from([1, 3, 5])] * 2),
    groups=st.integers(1, 2),
    phase=st.sampled_from(PHASES),
    biased=st.booleans(),
)


@given(st.fixed_dictionaries(ANY), st.sampled_from(STEPS))
def test_any_geometry(compare_with_definition, case, steps):
    case = dict(case, scale=steps[0], lattice_stride=steps[1])
    names = 'size', 'padding', 'kernel', 'dilation'
    for size, pad, k, dilation in zip(*map(case.get, names), strict=True):
        assume(size + 2 * pad > dilation * (k - 1))  # there is an output
    kernel = case['kernel'], case['taps'], case['dilation']
    lattice = steps[0], case['phase'], steps[1]
    geometry = make_geometry(*kernel, *lattice, groups=case['groups'])
    channels = 2 * steps[0] ** 2, 4 * steps[0] ** 2
    assume(not find_obstacle(*channels, geometry))
    compare_with_definition(**case)


@pytest.mark.parametrize('form', FORMS)
def test_one_sample_needs_no_batch(form, draw):
    operands, (_, weight, *_) = draw()
    sample = operands._replace(input=operands.input[0])
    out = convolve(sample, form)
    assert torch.equal(out, convolve(operands, form)[0])
    # Also where the next layer works in place.
    out.relu_().sum().backward()
    assert weight.grad.abs().sum() > 0


SHARED = dict(lattice_stride=1)


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
