"""Shapes of convolutions that a Cube convolution stands in for."""

import pytest

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
