"""Which windows of an Inria tile count, by protocol.

Published scores differ by several points only because of this choice, so a
score is worth nothing without the name of its protocol.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .masks import read_building_mask
from .raster_windows import take_window
from .windows import Cut, cut_grid, cut_padded

PROTOCOLS = ('full', 'buildformer')
WINDOW_SIZE = 512
LEAST_BUILDING = 5  # percent of a patch; BuildFormer keeps those with more


def check_protocol(protocol: str) -> None:
    """Check the name of a protocol.

    Raises:
        ValueError: If there is none of that name.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(
            f'protocol must be one of {", ".join(PROTOCOLS)}, not {protocol!r}'
        )


def tile_windows(
    protocol: str,
    image_shape: tuple[int, int],
    mask: np.ndarray | str | Path | None = None,
    size: int = WINDOW_SIZE,
    stride: int | None = None,
) -> list[Cut]:
    """List the windows of a tile that count under a protocol.

    * ``full``: a grid whose cores cover every pixel once.
    * ``buildformer``: the tile is padded to a multiple of ``size`` on all
      sides, by reflection, and cut without overlap; a patch is kept if more
      than 5 % of it, padding included, is building.

    Args:
        protocol: ``full`` or ``buildformer``.
        image_shape: Height and width of the tile in pixels.
        mask: Building mask of the tile, 0 / 1 of shape (H, W), or its file;
            needed by ``buildformer`` only.
        size: Side of the windows in pixels; published scores use 512.
        stride: Distance of neighbouring windows of the grid; ``size`` by
            default.

    Returns:
        Windows with their cores, row by row.

    Raises:
        ValueError: If there is no such protocol, ``size`` or ``stride`` does
            not go with it, or ``buildformer`` gets no mask.
        RasterError: If the mask cannot be read.
    """
    check_protocol(protocol)
    if protocol == 'full':
        return cut_grid(*image_shape, size, stride)
    if stride not in (None, size):
        raise ValueError(
            f'the patches of buildformer do not overlap: stride must be the '
            f'window size of {size} or None, not {stride}'
        )
    if mask is None:
        raise ValueError(
            'buildformer keeps patches by their buildings, but there is no '
            'mask. Use protocol="full" for tiles without masks'
        )
    if not isinstance(mask, np.ndarray):
        mask = read_building_mask(str(mask), str(mask))
    if mask.shape != tuple(image_shape):
        raise ValueError(
            f'mask has {mask.shape} pixels (height, width), its image '
            f'{tuple(image_shape)}. Cut both from the same extent'
        )
    return kept_patches(image_shape, count_buildings(mask, size), size)


def count_buildings(mask: np.ndarray, size: int) -> list[int]:
    """Count the building pixels of every patch that BuildFormer cuts.

    Args:
        mask: Building mask, 0 / 1 of shape (H, W).
        size: Side of the patches in pixels.
    """
    return [
        int(np.count_nonzero(take_window(mask, window)))
        for window, _ in cut_padded(*mask.shape, size)
    ]


def kept_patches(
    image_shape: tuple[int, int], counts: Sequence[int], size: int
) -> list[Cut]:
    """Choose the patches that BuildFormer keeps.

    Args:
        image_shape: Height and width of the tile in pixels.
        counts: Building pixels of every patch.
        size: Side of the patches in pixels.
    """
    least = LEAST_BUILDING * size * size
    patches = zip(cut_padded(*image_shape, size), counts, strict=True)
    return [cut for cut, count in patches if 100 * count > least]
