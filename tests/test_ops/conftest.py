"""Operands of small convolutions, and the ways in which kernels work."""

import pytest
import torch

from mmseg_cube.ops import Operands
from mmseg_cube.ops.geometry import make_geometry, to_pair

SHARED = dict(lattice_stride=1)
CASES = {
    'as a 3 x 3': dict(),
    'other phase': dict(phase='down_right'),
    '1 x 1': dict(size=(1, 1)),
    'single row': dict(size=(1, 6), phase='down_right'),
    'single column': dict(size=(7, 1)),
    'stride 2': dict(stride=2),
    'stride 3, other phase': dict(stride=3, phase='down_right'),
    'no padding': dict(padding=0),
    'no padding, other phase': dict(padding=0, phase='down_right'),
    'no padding, wide kernel': dict(padding=0, taps=5),
    'wide padding': dict(padding=(3, 2), stride=(1, 3)),
    'uneven padding': dict(pads=((0, 2), (1, 0))),
    'dilation 3': dict(dilation=3, padding=3),
    'kernel 4, centred': dict(taps=4),
    'kernel 2 for a 2 x 2 stride 2': dict(kernel=2, stride=2, padding=0),
    'kernel 5': dict(kernel=5, padding=2, size=(6, 7)),
    'axes that differ': dict(
        kernel=(3, 5), stride=(1, 2), padding=(2, 5), dilation=(1, 3)
    ),
    'groups': dict(groups=2),
    'scale 3': dict(scale=3),
    'scale 1': dict(scale=1, depth=16),
    # The sizes of the mask, and numbers of channels that it looks at.
    'mask of 1 x 1': dict(mask=1, depth=3),
    'mask of 7 x 7': dict(mask=7, depth=6),
    'mask of 5 x 5, scale 3': dict(mask=5, scale=3),
    'shared': SHARED,
    'shared, kernel 2': dict(SHARED, taps=2),
    'shared, kernel 4, other phase': dict(SHARED, taps=4, phase='down_right'),
    'shared, single row': dict(SHARED, size=(1, 6)),
    'shared, kernel 5, no padding': dict(SHARED, taps=5, padding=0),
    'shared, uneven padding': dict(SHARED, pads=((0, 2), (1, 0))),
    'shared, stride 2': dict(SHARED, stride=2),
    'shared, dilation 3': dict(SHARED, dilation=3, padding=3),
    'shared, axes that differ': dict(
        SHARED, kernel=(3, 5), stride=(1, 2), padding=(2, 5)
    ),
    'shared, groups': dict(SHARED, groups=2),
    'shared, scale 3': dict(SHARED, scale=3),
    'shared in part': dict(lattice_stride=2, scale=4, kernel=5),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request):
    """Options of a convolution, of each kind."""
    return request.param


def draw_operands(
    dtype=torch.float64,
    batch=3,
    depth=4,
    size=(7, 6),
    blocks=2,
    kernel=3,
    stride=1,
    padding=1,
    pads=None,
    mask=3,
    **options,
):
    """Operands, and every tensor in them that can get a gradient.

    The lattice has ``depth`` channels; the order is one of ``blocks``.
    """
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    pads = pads or tuple((p, p) for p in to_pair(padding))
    options = dict(options, stride=to_pair(stride), pads=pads)
    geometry = make_geometry(kernel, **options)
    channels = depth * geometry.scale**2
    block = channels // blocks
    tensors = [
        # Behind a ReLU many maxima are shared, by zeros.
        random(batch, channels, *size).relu(),
        random(4, depth // geometry.groups, *geometry.taps),
        random(4 * geometry.sites**2),
        random(1, 2, mask, mask),
        random(1),
        random(blocks, block, block).softmax(-1),
    ]
    orders = [
        torch.randperm(block, generator=generator) + b * block
        for b in range(blocks)
    ]
    tensors = [t.to(dtype).requires_grad_() for t in tensors]
    return join(geometry, torch.cat(orders), *tensors), tensors


def join(
    geometry, order, x, weight, bias, mask_weight, mask_bias, relaxed=None
):
    """Operands of tensors in the order of their gradients."""
    mask = mask_weight, mask_bias
    return Operands(x, weight, bias, geometry, mask, order, relaxed)


@pytest.fixture
def draw():
    return draw_operands


@pytest.fixture
def operands_of():
    return join


@pytest.fixture(params=['at once', 'by sample', 'not on a CPU'])
def way(request, monkeypatch):
    """The ways in which kernels work, all of them on this CPU."""
    if request.param == 'by sample':
        monkeypatch.setattr('mmseg_cube.ops.fused_lattice.SMALL', 1)
    if request.param == 'not on a CPU':
        monkeypatch.setattr('mmseg_cube.ops.layout.on_cpu', lambda x: False)
    return request.param
