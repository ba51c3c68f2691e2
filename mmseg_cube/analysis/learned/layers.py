"""The Cube layers of a network, by name."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from mmseg_cube.layers import CubeConv2d, layer_name

SHOWN = 8  # names in a message


def cube_layers(
    model: nn.Module, patterns: Sequence[str] | None = None
) -> dict[str, CubeConv2d]:
    """Name the Cube convolutions of a network.

    Args:
        model: Network.
        patterns: Shell patterns, one of which a name must match; all layers
            by default.

    Returns:
        Layers by name, without the ``.conv`` of a ConvModule, in the order of
        the network.

    Raises:
        ValueError: If there is none, or a pattern matches none.
    """
    layers = {
        layer_name(name): module
        for name, module in model.named_modules()
        if isinstance(module, CubeConv2d)
    }
    if not layers:
        raise ValueError(
            'the network has no Cube layer (CubeConv2d), so there is nothing '
            'learned to draw; name the config of a Cube network first, and '
            'its baseline behind --against'
        )
    if patterns is None:
        return layers
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in layers):
            raise ValueError(
                f'pattern {pattern!r} of --layers matches no Cube layer; '
                f'there are {len(layers)}: {shorten(layers)}'
            )
    return {
        name: layer
        for name, layer in layers.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def shorten(names: Iterable[str]) -> str:
    """List the first few names and count the rest."""
    names = list(names)
    text = ', '.join(names[:SHOWN])
    more = len(names) - SHOWN
    return f'{text} and {more} more' if more > 0 else text
