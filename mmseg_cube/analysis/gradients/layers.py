"""Which layers of two networks are compared, and what makes their cells."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.layers.summary import PLAIN
from mmseg_cube.utils.patterns import choose
from mmseg_cube.utils.words import name_some

# Cells as the convolution sees them, and as the channels arrive.
CELL, CELL_BEFORE = 'cell', 'cell_before_routing'

Convolutions = dict[str, nn.Conv2d]


def list_convolutions(model: nn.Module) -> Convolutions:
    """Convolutions by name: plain ones and Cubes, in the network's order."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, CubeConv2d) or type(module) in PLAIN
    }


def choose_layers(
    networks: Sequence[Convolutions], patterns: Sequence[str] | None = None
) -> dict[str, int]:
    """Name the convolutions to compare, which all networks have.

    Args:
        networks: Convolutions of one network, or of two.
        patterns: Shell patterns for names; by default all are taken that are
            a Cube in one of the networks.

    Returns:
        By name the lattice scale r of the Cube; 0 if all are plain.

    Raises:
        ValueError: If there is none, or none for a pattern.
    """
    scales = {
        name: max(getattr(network[name], 'scale', 0) for network in networks)
        for name in networks[0]
        if all(name in network for network in networks)
    }
    if not scales:
        raise ValueError(
            'there are no convolutions of the same name in the networks; the '
            f'first one has {name_some(list(networks[0]))}'
        )
    if patterns is not None:
        what = 'convolution that can be compared'
        return {name: scales[name] for name in choose(scales, patterns, what)}
    cubes = {name: scale for name, scale in scales.items() if scale}
    if not cubes:
        raise ValueError(
            'none of the convolutions that can be compared is a Cube '
            f'(CubeConv2d). Name some with --layers; there are {len(scales)}: '
            f'{name_some(list(scales))}'
        )
    return cubes


def number_cells(conv: nn.Conv2d, scale: int) -> dict[str, Tensor]:
    """Number the cell of every input channel, in the order of arrival.

    Channels that share a cell are neighbours on the lattice. A router decides
    which do; without one, and in the plain convolution that a Cube is
    compared with, they are runs of ``scale^2`` channels.

    Returns:
        Numbers of shape (C,) behind the router and before it; empty where a
        cell holds one channel.
    """
    if scale < 2:
        return {}
    arrival = places = torch.arange(conv.in_channels)
    router = getattr(conv, 'router', None)
    if router is not None:
        # Channel order[i] arrives at place i.
        places = router.permutation().cpu().argsort()
    cell = scale**2
    return {CELL: places // cell, CELL_BEFORE: arrival // cell}
