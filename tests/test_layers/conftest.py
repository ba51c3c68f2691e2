"""Layers as after a training, what they compute, and their shapes."""

import pytest
import torch

from mmseg_cube.layers import CubeConv2d, CubeKernelBlock

SHAPES = {
    'as a 3 x 3': dict(kernel_size=3, padding=1),
    'stride 2': dict(kernel_size=3, stride=2, padding=1),
    'no padding': dict(kernel_size=5),
    'dilated': dict(kernel_size=3, padding=3, dilation=3),
    'even kernel': dict(kernel_size=4, stride=2, padding=1),
    'centred': dict(kernel_size=3, padding=1, lattice_kernel_size=4),
    'oblong': dict(kernel_size=(3, 5), padding=(1, 2), stride=(1, 2)),
    'same': dict(kernel_size=(3, 4), padding='same'),
    'valid': dict(kernel_size=3, padding='valid'),
    'groups': dict(kernel_size=3, padding=1, groups=2),
    'wide padding': dict(kernel_size=3, padding=4, stride=3),
    'scale 1': dict(kernel_size=3, padding=1, scale=1),
    'shared': dict(kernel_size=3, padding=1, stride=2, lattice_stride=1),
    'reflect': dict(kernel_size=3, padding=1, padding_mode='reflect'),
    'replicate': dict(kernel_size=3, padding=1, padding_mode='replicate'),
    'circular': dict(
        kernel_size=(3, 4), padding='same', padding_mode='circular'
    ),
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def shape(request):
    """Arguments of a convolution."""
    return request.param


@pytest.fixture(scope='session')
def build(as_trained):
    """Build a convolution with router and mask, or a block."""

    def build(channels=16, block=False, dtype=torch.float32, **options):
        torch.manual_seed(0)
        if block:
            layer = CubeKernelBlock(channels, residual=True, layer_scale=0.5)
            return as_trained(layer).to(dtype)
        full = dict(kernel_size=3, router={}, mask=dict(kernel_size=3))
        if 'kernel_size' not in options:
            full['padding'] = 1
        conv = CubeConv2d(channels, 8, dtype=dtype, **{**full, **options})
        return as_trained(conv)

    return build


@pytest.fixture(scope='session')
def draw():
    """Draw features as there are behind a ReLU."""

    def draw(batch=2, height=8, width=6, channels=16, dtype=torch.float32):
        torch.manual_seed(1)
        shape = batch, channels, height, width
        return torch.randn(shape, dtype=dtype).relu()

    return draw


@pytest.fixture(scope='session')
def results():
    """Output and gradients of a function of a module, by name."""

    def results(function, x, module=None):
        module = function if module is None else module
        x = x.detach().requires_grad_()
        module.zero_grad()
        out = function(x)
        out.square().sum().backward()
        grads = dict(module.named_parameters(), input=x)
        found = {
            name: getattr(p.grad, 'full_tensor', p.grad.clone)()
            for name, p in sorted(grads.items())
        }
        return dict(found, output=out.detach())

    return results
