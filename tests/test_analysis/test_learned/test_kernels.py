from math import sqrt

import numpy as np
import pytest
import torch

from mmseg_cube.analysis.learned.kernel_drawing import draw_kernels
from mmseg_cube.analysis.learned.kernels import describe_kernel, name_cell
from mmseg_cube.layers import CubeConv2d

LAYERS = {
    'up-left': dict(padding=1),
    'down-right': dict(padding=1, phase='down_right'),
    'centred': dict(padding=1, lattice_kernel_size=4),
    'wide': dict(padding='same', kernel_size=5),
    'even': dict(kernel_size=2, lattice_kernel_size=3),
    'thirds': dict(padding=1, scale=3, in_channels=18),
    'groups': dict(padding=1, groups=2, stride=2),
    'apart': dict(padding=3, dilation=3),
}


def make_layer(in_channels=8, kernel_size=3, **options):
    torch.manual_seed(1)
    layer = CubeConv2d(in_channels, 6, kernel_size, **options).double()
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
    reach = layer.dilation[0] * (layer.kernel_size[0] - 1)
    centre = layer.stride[0] * u - layer.geometry.pads[0][0] + reach / 2
    sums, cell = {}, layer.scale**2
    for d in range(layer.out_channels):
        (grad,) = torch.autograd.grad(y[0, d, u, u], x, retain_graph=True)
        for c, row, column in grad[0].nonzero().tolist():
            place = c % cell // layer.scale, c % cell % layer.scale
            key = row - centre, column - centre, *place
            sums[key] = sums.get(key, 0) + grad[0, c, row, column].item() ** 2
    return sums


@pytest.mark.parametrize('name', LAYERS)
def test_energies_are_those_of_the_coarse_kernel(name):
    layer = make_layer(**LAYERS[name])
    found = describe_kernel(layer)
    sums = squared_weights(layer)
    total, scale = sum(sums.values()), layer.scale
    assert len(found.taps) == len(sums)
    per_tap = layer.weight[:, :, 0, 0].numel()
    random = sqrt(total / len(sums) / per_tap)
    cells, parities, lean = {}, {}, np.zeros(2)
    for (down, right, i, j), energy in sums.items():
        middle = np.array(
            [down + (i + 0.5) / scale - 0.5, right + (j + 0.5) / scale - 0.5]
        )
        (tap,) = (
            tap
            for tap in found.taps
            if tap.offset == pytest.approx(tuple(scale * middle))
        )
        assert tap.parity == (i, j)
        assert tap.energy == pytest.approx(sqrt(energy / per_tap) / random)
        cell = name_cell(down, right)
        assert tap.cell == cell
        cells[cell] = cells.get(cell, 0) + energy / total
        key = f'{i}, {j}'
        parities[key] = parities.get(key, 0) + energy / total
        lean += middle * energy / total
    for shares, expected in ((found.cells, cells), (found.parities, parities)):
        learned = {name: share[0] for name, share in shares.items()}
        assert learned == pytest.approx(expected)
        assert sum(share[1] for share in shares.values()) == pytest.approx(1)
    assert found.lean == pytest.approx(lean)


def test_random_weights_give_what_is_said_of_them():
    torch.manual_seed(0)
    layer = CubeConv2d(64, 64, 3, padding=1)
    torch.nn.init.normal_(layer.weight, std=0.1)
    found = describe_kernel(layer)
    assert {
        name: share[1] for name, share in found.cells.items()
    } == pytest.approx(
        {'own': 4 / 9, 'left': 2 / 9, 'upper': 2 / 9, 'upper-left': 1 / 9}
    )
    for learned, random in (*found.cells.values(), *found.parities.values()):
        assert learned == pytest.approx(random, abs=0.02)
    # Half a lattice pixel, by the phase.
    assert found.random_lean == pytest.approx((-0.25, -0.25))
    assert found.lean == pytest.approx(found.random_lean, abs=0.02)
    energies = []
    for _ in range(40):
        torch.nn.init.normal_(layer.weight)
        energies += [tap.energy for tap in describe_kernel(layer).taps]
    assert np.std(energies) == pytest.approx(found.noise, rel=0.2)


def test_layer_whose_weights_are_all_zero():
    layer = CubeConv2d(4, 4, 3, padding=1)
    torch.nn.init.zeros_(layer.weight)
    assert {tap.energy for tap in describe_kernel(layer).taps} == {0}


def test_names_of_cells():
    assert name_cell(0, 0) == 'own'
    assert name_cell(-1, 0) == 'upper'
    assert name_cell(0, 1) == 'right'
    assert name_cell(1, -1) == 'lower-left'
    assert name_cell(-2, 0.5) == '2 upper-0.5 right'


@pytest.mark.parametrize('name', ['up-left', 'thirds', 'apart'])
def test_picture_has_every_tap_at_its_place(name):
    kernel = describe_kernel(make_layer(**LAYERS[name]))
    axes = draw_kernels({name: kernel}).axes[0]
    image = axes.images[0]
    values, (left, _, _, top) = image.get_array(), image.get_extent()
    for tap in kernel.taps:
        y, x = (int(np.floor(v)) for v in np.subtract(tap.offset, (top, left)))
        assert values[y, x] == pytest.approx(tap.energy)
    assert values.count() == len(kernel.taps)
    assert len(axes.patches) == len(kernel.cells)
