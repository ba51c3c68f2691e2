"""Operands of small convolutions, and the ways in which kernels work."""

import pytest
import torch

from mmseg_cube.ops import Geometry, Operands
from mmseg_cube.ops.geometry import sites_of


def draw_operands(
    dtype=torch.float64, batch=3, channels=16, size=(7, 6), blocks=2, **options
):
    """Operands, and every tensor in them that can get a gradient."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    options = dict(pads=((1, 1), (1, 1)), taps=(3, 3)) | options
    geometry = Geometry(kernel_size=(3, 3), **options)
    depth = channels // geometry.scale**2 // geometry.groups
    block = channels // blocks
    tensors = [
        # Behind a ReLU many maxima are shared, by zeros.
        random(batch, channels, *size).relu(),
        random(4, depth, *geometry.taps),
        random(4 * sites_of(geometry) ** 2),
        random(1, 2, 3, 3),
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
