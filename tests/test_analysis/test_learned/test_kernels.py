from math import sqrt

import numpy as np
import pytest
import torch

from mmseg_cube.analysis.learned.kernels import describe_kernel
from mmseg_cube.layers import CubeConv2d

LAYERS = {
    'up-left': dict(padding=1),
    'down-right': dict(padding=1, phase='down_right'),
    'centred': dict(padding=1, lattice_kernel_size=4),
    'wide': dict(padding='same', kernel_size=5),
    'even': dict(kernel_size=2, lattice_kernel_size=3),
    'oblong': dict(kernel_size=(3, 5)),
    'thirds': dict(padding=1, scale=3, in_channels=18),
    'groups': dict(padding=1, groups=2, stride=2),
    'apart': dict(padding=3, dilation=3),
}


def make_layer(in_channels=8, kernel_size=3, **options):
    torch.manual_seed(1)
    layer = CubeConv2d(in_channels, 12, kernel_size, **options).double()
    torch.nn.init.normal_(layer.weight)
    # Some taps louder than others.
    with torch.no_grad():
        taps = layer.weight.shape[2:]
        layer.weight.mul_(torch.linspace(0.3, 3, taps.numel()).view(taps))
    return layer


def squared_weights(layer):
    """Sums of the squared weights of the coarse kernel, by trying it out.

    Returns:
        By row and column of the cell, from the centre of the replaced
        window, and parity.
    """
    size = 24
    x = torch.zeros(1, layer.in_channels, size, size, dtype=torch.double)
    x.requires_grad_()
    y = layer(x)
    u = y.shape[2] // 2
    centres = [
        layer.stride[0] * u - pads[0] + dilation * (kernel - 1) / 2
        for pads, dilation, kernel in zip(
            layer.geometry.pads, layer.dilation, layer.kernel_size, strict=True
        )
    ]
    sums, cell = {}, layer.scale**2
    for d in range(layer.out_channels):
        (grad,) = torch.autograd.grad(y[0, d, u, u], x, retain_graph=True)
        for c, row, column in grad[0].nonzero().tolist():
            place = c % cell // layer.scale, c % cell % layer.scale
            key = row - centres[0], column - centres[1], *place
            sums[key] = sums.get(key, 0) + grad[0, c, row, column].item() ** 2
    return sums


@pytest.mark.parametrize('name', LAYERS)
def test_energies_are_those_of_the_coarse_kernel(name):
    layer = make_layer(**LAYERS[name])
    found = describe_kernel(layer)
    sums = squared_weights(layer)
    mean = sum(sums.values()) / len(sums)
    assert np.size(found['energies']) == len(sums)
    for (y, x), energy in np.ndenumerate(found['energies']):
        cell = found['cells'][0][y], found['cells'][1][x]
        parity = found['parities'][0][y], found['parities'][1][x]
        total = sums[(*cell, *parity)]
        assert energy == pytest.approx(sqrt(total / mean))


def test_random_weights_give_what_is_said_of_them():
    torch.manual_seed(0)
    layer = CubeConv2d(64, 64, 3, padding=1)
    energies = []
    for _ in range(40):
        torch.nn.init.normal_(layer.weight, std=0.1)
        found = describe_kernel(layer)
        energies.append(found['energies'])
    assert np.std(energies) == pytest.approx(found['noise'], rel=0.2)
    assert found['cells'] == [[-1, 0, 0]] * 2
    assert found['parities'] == [[1, 0, 1]] * 2
    torch.nn.init.zeros_(layer.weight)
    assert not np.any(describe_kernel(layer)['energies'])
