"""Which layers of two networks are compared, and what makes their cells."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from mmseg_cube.datasets.errors import listing
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.layers.summary import PLAIN

# Cells as the convolution sees them, and as the channels arrive.
CELL, CELL_BEFORE = 'cell', 'cell_before_routing'


def list_convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Convolutions by name: plain ones and Cubes, in the network's order."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, CubeConv2d) or type(module) in PLAIN
    }


def choose_layers(
    networks: Sequence[dict[str, nn.Conv2d]],
    patterns: Sequence[str] | None = None,
) -> list[str]:
    """Name the layers to compare.

    Args:
        networks: Convolutions of one network, or of two.
        patterns: Shell patterns for names; by default all layers are taken
            that are a Cube in one of the networks.

    Returns:
        Names of convolutions that all networks have.

    Raises:
        ValueError: If there is none, or none for a pattern; it lists what
            there is.
    """
    shared = [name for name in networks[0] if all(name in x for x in networks)]
    if not shared:
        raise ValueError(
            'there are no convolutions of the same name in the networks; '
            f'the first one has\n{listing(list(networks[0]))}'
        )
    if patterns is None:
        layers = [name for name in shared if _is_cube(name, networks)]
        if layers:
            return layers
        raise ValueError(
            f'{_describe(networks)} is a Cube convolution. Name others with '
            f'--layers; there are\n{listing(shared)}'
        )
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in shared):
            raise ValueError(
                f'--layers {pattern}: {_describe(networks)} has such a name; '
                f'there are\n{listing(shared)}'
            )
    return [
        name
        for name in shared
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def count_left_out(
    networks: Sequence[dict[str, nn.Conv2d]], layers: Sequence[str]
) -> int:
    """Number of Cube convolutions that are not among the layers."""
    cubes = {n for x in networks for n in x if isinstance(x[n], CubeConv2d)}
    return len(cubes.difference(layers))


def find_scale(
    name: str, networks: Sequence[dict[str, nn.Conv2d]]
) -> int | None:
    """Lattice scale r of the Cube among the layers of a name, or None."""
    convs = (network[name] for network in networks)
    scales = (c.scale for c in convs if isinstance(c, CubeConv2d))
    return next(scales, None)


def number_cells(conv: nn.Conv2d, scale: int | None) -> dict[str, Tensor]:
    """Number the cell of every input channel, in the order of arrival.

    Channels that share a cell are neighbours on the lattice. A router decides
    which do; without one, and in the plain convolution that a Cube is
    compared with, they are runs of ``scale^2`` channels.

    Args:
        conv: The convolution.
        scale: Lattice scale r; None or 1 for no cells.

    Returns:
        Numbers of shape (C,) behind the router and before it; empty without
        cells.
    """
    if scale is None or scale == 1:
        return {}
    places = torch.arange(conv.in_channels)
    router = getattr(conv, 'router', None)
    if router is not None:
        # Channel order[i] arrives at place i.
        places = router.permutation().cpu().argsort()
    arrival = torch.arange(conv.in_channels)
    cell = scale**2
    return {CELL: places // cell, CELL_BEFORE: arrival // cell}


def shorten_names(names: Sequence[str]) -> dict[str, str]:
    """Leave out the parts of dotted names with which all begin or end."""
    parts = [name.split('.') for name in names]
    most = min(map(len, parts)) - 1
    if len(names) == 1:
        return {names[0]: names[0]}
    first = last = 0
    while first < most and len({p[first] for p in parts}) == 1:
        first += 1
    while first + last < most and len({p[-1 - last] for p in parts}) == 1:
        last += 1
    return {
        name: '.'.join(p[first : len(p) - last])
        for name, p in zip(names, parts, strict=True)
    }


def _is_cube(name: str, networks: Sequence[dict[str, nn.Conv2d]]) -> bool:
    return any(isinstance(x[name], CubeConv2d) for x in networks)


def _describe(networks: Sequence[dict[str, nn.Conv2d]]) -> str:
    if len(networks) == 1:
        return 'no convolution of the network'
    return 'no convolution that both networks have by the same name'
