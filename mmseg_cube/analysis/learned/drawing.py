"""Drawing and measuring of tiles and layers, file by file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmseg_cube.analysis.learned.error_maps import (
    AGREEMENT,
    count_kinds,
    map_agreement,
)
from mmseg_cube.analysis.learned.kernel_drawing import (
    KERNELS_PER_PAGE,
    draw_kernels,
)
from mmseg_cube.analysis.learned.kernels import Kernel, describe_kernel
from mmseg_cube.analysis.learned.mask_values import (
    MaskValues,
    join_values,
    measure_mask,
)
from mmseg_cube.analysis.learned.masks import watch
from mmseg_cube.analysis.learned.networks import LearnedNetwork
from mmseg_cube.analysis.learned.order_drawing import (
    ORDERS_PER_PAGE,
    draw_orders,
)
from mmseg_cube.analysis.learned.orders import (
    Order,
    describe_order,
    order_matrices,
)
from mmseg_cube.analysis.learned.pages import save_figure, save_pages
from mmseg_cube.analysis.learned.tile_drawing import (
    MASKS_PER_PAGE,
    draw_errors,
    draw_masks,
)
from mmseg_cube.analysis.learned.tiles import (
    THRESHOLD,
    Tile,
    predict_tile,
    score_tile,
)
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.layers import CubeConv2d

Layers = Mapping[str, CubeConv2d]
Place = tuple[float, float]


@dataclass(frozen=True)
class DrawnTile:
    """What was measured on a tile.

    Attributes:
        why: Why it was chosen.
        counts: Counts by name of network.
        agreement: Pixels by who is right; None for one network.
        masks: Values of the mask of every layer that has one.
        cells: Height and width of the cells of every layer that was used, in
            pixels of the truth.
        pictures: Names of the files.
    """

    why: str
    counts: dict[str, Confusion]
    agreement: Mapping[str, int] | None
    masks: dict[str, MaskValues]
    cells: dict[str, Place]
    pictures: list[str]


@dataclass(frozen=True)
class DrawnLayer:
    """What a layer has learned.

    Attributes:
        used: Whether the tiles passed through it.
        order: Its order of channels; None without a router.
        kernel: Its kernel.
        mask: Values of its mask on all drawn tiles; None without a mask, or
            if it was not used.
        masked: Whether it has a mask.
    """

    used: bool
    order: Order | None
    kernel: Kernel
    mask: MaskValues | None
    masked: bool


def draw_tile(
    networks: Sequence[LearnedNetwork],
    layers: Layers,
    tile: Tile,
    why: str,
    out: Path,
) -> DrawnTile:
    """Draw the masks and the errors of a tile.

    Args:
        networks: The Cube network, and the one to compare it with if any.
        layers: Layers of the first one whose masks are drawn.
        tile: The tile.
        why: Why it was chosen.
        out: Folder.

    Raises:
        ValueError: If a network gives no probabilities.
        OSError: If a file cannot be written.
    """
    first, *others = networks
    with watch(first.model, layers) as seen:
        probabilities = {first.name: predict_tile(first.model, tile)}
    seen.size = tile.full_size(seen.size)
    for other in others:
        probabilities[other.name] = predict_tile(other.model, tile)
    predictions = {
        name: (probability, score_tile(tile, probability))
        for name, probability in probabilities.items()
    }
    errors = f'errors_{tile.name}.png'
    save_figure(draw_errors(tile, why, predictions), out / errors)
    masks = {
        name: (
            mask,
            measure_mask(mask, tile.truth, seen.size, layers[name].scale),
        )
        for name, mask in seen.masks.items()
    }
    draw = partial(draw_masks, tile=tile, size=seen.size)
    stem = out / f'masks_{tile.name}'
    agreement = None
    if others:
        built = [p > THRESHOLD for p in probabilities.values()]
        labels = map_agreement(tile.truth, *built)
        agreement = count_kinds(labels, AGREEMENT)
    return DrawnTile(
        why,
        {name: counts for name, (_, counts) in predictions.items()},
        agreement,
        {name: values for name, (_, values) in masks.items()},
        {name: seen.cell_pixels(name) for name in seen.inputs},
        [errors, *save_pages(draw, masks, MASKS_PER_PAGE, stem)],
    )


def draw_layers(
    layers: Layers,
    temperature: float | None,
    drawn: Mapping[str, DrawnTile],
    out: Path,
) -> tuple[dict[str, DrawnLayer], dict[str, list[str]]]:
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

    Raises:
        OSError: If a file cannot be written.
    """
    found, routed = {}, {}
    for name, layer in layers.items():
        cells = [t.cells[name] for t in drawn.values() if name in t.cells]
        values = [t.masks[name] for t in drawn.values() if name in t.masks]
        order = describe_order(layer, temperature)
        found[name] = DrawnLayer(
            bool(cells),
            order,
            describe_kernel(layer, cells[0] if cells else None),
            join_values(values) if values else None,
            layer.mask is not None,
        )
        if order is not None:
            routed[name] = order, order_matrices(layer, temperature)
    kernels = {name: layer.kernel for name, layer in found.items()}
    return found, dict(
        orders=save_pages(
            draw_orders, routed, ORDERS_PER_PAGE, out / 'orders'
        ),
        kernels=save_pages(
            draw_kernels, kernels, KERNELS_PER_PAGE, out / 'kernels'
        ),
    )
