"""Drawing and measuring of tiles and layers, file by file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mmseg.models import BaseSegmentor

from mmseg_cube.analysis.learned.kernel_drawing import draw_kernels
from mmseg_cube.analysis.learned.kernels import describe_kernel
from mmseg_cube.analysis.learned.masks import join_values, measure_mask, watch
from mmseg_cube.analysis.learned.orders import describe_order, draw_orders
from mmseg_cube.analysis.learned.tables import DrawnTile, Learned
from mmseg_cube.analysis.learned.tile_drawing import (
    compare,
    draw_errors,
    draw_masks,
)
from mmseg_cube.analysis.learned.tiles import (
    THRESHOLD,
    Tile,
    predict_tile,
    score_tile,
)
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.utils.figures import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYERS = 12  # most of a picture

Layers = Mapping[str, CubeConv2d]


def draw_tile(
    models: Mapping[str, BaseSegmentor],
    layers: Layers,
    tile: Tile,
    why: str,
    out: Path,
) -> DrawnTile:
    """Draw the masks and the errors of a tile.

    Args:
        models: The Cube network, and the one to compare it with if any.
        layers: Layers of the first one whose masks are drawn.
        tile: The tile.
        why: Why it was chosen.
        out: Folder.
    """
    with watch(next(iter(models.values())), layers) as seen:
        predictions = {n: predict_tile(x, tile) for n, x in models.items()}
    # From pixels of the network's image to those of the truth.
    zoom = np.divide(tile.truth.shape, tile.image.shape[:2])
    size = tuple(np.multiply(seen.size, zoom).round().astype(int).tolist())
    counts = {n: score_tile(tile, p) for n, p in predictions.items()}
    built = [p > THRESHOLD for p in predictions.values()]
    agreement = compare(tile.truth, *built) if len(built) > 1 else {}
    pairs = {name: (predictions[name], counts[name]) for name in models}
    errors = f'errors_{tile.name}.png'
    save_figure(draw_errors(tile, why, pairs), out / errors)
    masks = {
        name: (mask, measure_mask(mask, tile.truth, size, layers[name].scale))
        for name, mask in seen.masks.items()
    }
    draw = partial(draw_masks, tile=tile, size=size)
    stem = out / f'masks_{tile.name}'
    return DrawnTile(
        why,
        counts,
        {name: int(pixels.sum()) for name, pixels in agreement.items()},
        {name: values for name, (_, values) in masks.items()},
        {
            name: tuple(np.divide(size, cells).tolist())
            for name, cells in seen.inputs.items()
        },
        # An image stands beside the masks.
        [errors, *save_pages(draw, masks, LAYERS - 1, stem)],
    )


def draw_layers(
    layers: Layers,
    temperature: float | None,
    drawn: Mapping[str, DrawnTile],
    out: Path,
) -> tuple[dict[str, Learned], dict[str, list[str]]]:
    """Draw the orders and the kernels of layers.

    Args:
        layers: Layers by name.
        temperature: Temperature of routers at the end of the training; None
            leaves their own.
        drawn: What was measured on the tiles.
        out: Folder.

    Returns:
        What they learned by name, and the names of the files by what is
        drawn: ``orders`` and ``kernels``.
    """
    learned, routers = {}, {}
    for name, layer in layers.items():
        kernel, order = describe_kernel(layer), None
        if layer.router is not None:
            routers[name] = layer.router
            order = describe_order(layer.router, layer.scale, temperature)
        cells = [t.cells[name] for t in drawn.values() if name in t.cells]
        values = [t.masks[name] for t in drawn.values() if name in t.masks]
        learned[name] = Learned(
            order,
            kernel,
            layer.mask is not None,
            join_values(values) if values else None,
            tuple(np.multiply(kernel.lean, cells[0])) if cells else None,
        )
    kernels = {name: layer.kernel for name, layer in learned.items()}
    draw = partial(draw_orders, temperature=temperature)
    return learned, dict(
        orders=save_pages(draw, routers, LAYERS, out / 'orders'),
        kernels=save_pages(draw_kernels, kernels, LAYERS, out / 'kernels'),
    )


def save_pages(
    draw: Callable[[Mapping[str, Any]], Figure],
    items: Mapping[str, Any],
    per_page: int,
    stem: Path,
) -> list[str]:
    """Draw items, so many on each picture.

    Args:
        draw: Draws some of the items.
        items: What to draw, by name.
        per_page: Most items of a picture.
        stem: Path of the pictures without number and suffix.

    Returns:
        Names of the files, none if there are no items: ``stem.png``, then
        ``stem_page2.png`` and so on.
    """
    names, left = [], iter(items.items())
    while page := dict(islice(left, per_page)):
        number = f'_page{len(names) + 1}' if names else ''
        names.append(f'{stem.name}{number}.png')
        save_figure(draw(page), stem.with_name(names[-1]))
    return names
