"""Drawing and measuring of tiles and layers, file by file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mmseg.models import BaseSegmentor

from mmseg_cube.analysis.learned.kernels import describe_kernel, draw_kernels
from mmseg_cube.analysis.learned.masks import (
    join_values,
    measure_mask,
    over_image,
    watch,
)
from mmseg_cube.analysis.learned.orders import describe_order, draw_orders
from mmseg_cube.analysis.learned.tile_drawing import (
    compare,
    draw_errors,
    draw_masks,
)
from mmseg_cube.analysis.learned.tiles import (
    THRESHOLD,
    Tile,
    iou_of,
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
) -> dict[str, Any]:
    """Draw the masks and the errors of a tile.

    The first network is the one that has the layers.

    Returns:
        ``why``; ``counts`` by network; the ``IoU`` of each and their
        ``difference``; pixels where ``only_first``, ``only_second`` or
        ``neither`` is right; ``masks``, their values by layer; ``cells``,
        height and width of each layer's in pixels of the truth; ``pictures``,
        names of the files.
    """
    with watch(next(iter(models.values())), layers) as seen:
        predictions = {n: predict_tile(x, tile) for n, x in models.items()}
    # From pixels of the network's image to those of the truth.
    zoom = np.divide(tile.truth.shape, tile.image.shape[:2])
    size = tuple(np.multiply(seen.size, zoom).round().astype(int).tolist())
    counts = {n: score_tile(tile, p) for n, p in predictions.items()}
    pairs = {name: (predictions[name], counts[name]) for name in models}
    pictures = [f'errors_{tile.name}.png']
    save_figure(draw_errors(tile, why, pairs), out / pictures[0])
    masks = {
        name: (
            over_image(mask, tile.truth.shape, size),
            measure_mask(mask, tile.truth, size, layers[name].scale),
        )
        for name, mask in seen.masks.items()
    }
    # An image stands beside the masks.
    draw, page = partial(draw_masks, tile=tile), LAYERS - 1
    pictures += save_pages(draw, masks, page, out / f'masks_{tile.name}')
    found = dict(
        why=why,
        counts=counts,
        IoU=[iou_of(x) for x in counts.values()],
        masks={name: values for name, (_, values) in masks.items()},
        cells={n: np.divide(size, x).tolist() for n, x in seen.inputs.items()},
        pictures=pictures,
    )
    if len(models) > 1:
        built = [p > THRESHOLD for p in predictions.values()]
        pixels = compare(tile.truth, *built)
        first, second, neither = (int(x.sum()) for x in pixels.values())
        found |= dict(only_first=first, only_second=second, neither=neither)
        if None not in found['IoU']:
            found['difference'] = found['IoU'][0] - found['IoU'][1]
    return found


def draw_layers(
    layers: Layers,
    temperature: float | None,
    tiles: Mapping[str, Mapping[str, Any]],
    out: Path,
) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """Draw the orders and the kernels of layers.

    Args:
        layers: Layers by name.
        temperature: As for :func:`describe_order`.
        tiles: What was measured on the tiles.
        out: Folder.

    Returns:
        For each layer its ``order``, ``kernel`` and ``mask`` over all tiles,
        None for what there is not; and the names of the files by what is
        drawn: ``orders`` and ``kernels``.
    """
    learned, routers, kernels = {}, {}, {}
    for name, layer in layers.items():
        kernels[name] = kernel = describe_kernel(layer)
        order = None
        if layer.router is not None:
            routers[name] = layer.router
            order = describe_order(layer.router, layer.scale, temperature)
        cells, masks = (
            [t[key][name] for t in tiles.values() if name in t[key]]
            for key in ('cells', 'masks')
        )
        numbers = asdict(kernel)
        numbers['least'] = float(np.min(kernel.energies))
        numbers['largest'] = float(np.max(kernel.energies))
        if cells:
            pixels = np.multiply(kernel.lean, cells[0])
            numbers['lean_in_pixels'] = pixels.tolist()
        values = join_values(masks) if masks else None
        learned[name] = dict(order=order, kernel=numbers, mask=values)
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
    """Draw items, so many on each picture; none if there are no items.

    Returns:
        Names of the files: ``stem.png``, ``stem_page2.png`` and so on.
    """
    names, left = [], iter(items.items())
    while page := dict(islice(left, per_page)):
        number = f'_page{len(names) + 1}' if names else ''
        names.append(f'{stem.name}{number}.png')
        save_figure(draw(page), stem.with_name(names[-1]))
    return names
