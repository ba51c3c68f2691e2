"""Pictures of tiles: masks over them, predictions and errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from mmseg.models import BaseSegmentor

from mmseg_cube.analysis.learned import masks, tiles
from mmseg_cube.evaluation.error_picture import (
    FALSE,
    FOUND,
    MISSED,
    UNSCORED,
    paint_errors,
)
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.utils.figures import new_panels, save_figure
from mmseg_cube.utils.words import cut

PANEL, CAPTION = 3.6, 0.5  # inches
LETTERS = 34  # of a name over a panel
ERRORS = dict(found=FOUND, missed=MISSED, false=FALSE, unscored=UNSCORED)

Panel = tuple[str, np.ndarray, dict]  # title, values, options of imshow


def draw_tile(
    model: BaseSegmentor,
    layers: Mapping[str, CubeConv2d],
    tile: tiles.Tile,
    why: str,
    out: Path,
) -> dict[str, object]:
    """Draw errors and masks of a tile.

    Returns:
        ``masks``, their values by layer; ``cells``, those of outputs;
        ``pictures``, names of the files.
    """
    over, values = {}, {}
    with masks.watch(model, layers) as seen:
        found = tiles.predict_tile(model, tile)
    # From pixels of the network's image to those of the truth.
    zoom = np.divide(tile.truth.shape, tile.image.shape[1:])
    size = tuple(np.multiply(seen.size, zoom).round().astype(int).tolist())
    for name, mask in seen.masks.items():
        over[name] = masks.over_image(mask, tile.truth.shape, size)
        values[name] = masks.measure_mask(mask, tile.truth, size)
    title = f'{tile.name} ({why})'
    pictures = {f'errors_{tile.name}.png': draw_errors(tile, title, *found)}
    if over:
        pictures[f'masks_{tile.name}.png'] = draw_masks(tile, over, values)
    for name, picture in pictures.items():
        save_figure(picture, out / name)
    return dict(masks=values, cells=seen.cells, pictures=list(pictures))


def draw_errors(
    tile: tiles.Tile, title: str, probability: np.ndarray, labels: np.ndarray
) -> Figure:
    """Draw image and truth, then probability and errors."""
    image, truth = tile.picture, tile.truth
    counts = tiles.score_tile(tile, labels)
    said = f'found {counts.tp:,}, missed {counts.fn:,}, false {counts.fp:,}'
    errors = paint_errors(image, truth, labels)
    style = dict(cmap='cividis', vmin=0, vmax=1)
    panels: list[Panel] = [
        ('image', image, {}),
        ('truth', paint_errors(image, truth, truth), {}),
        ('probability', probability, style),
        (said, errors, {}),
    ]
    figure = _draw(tile, panels, 2)
    figure.suptitle(title, fontsize=10)
    handles = [
        Patch(fc=np.array(colour) / 255, ec='k', label=key)
        for key, colour in ERRORS.items()
    ]
    place = dict(loc='outside lower center', ncols=4, fontsize=8)
    figure.legend(handles=handles, **place)
    return figure


def draw_masks(
    tile: tiles.Tile,
    over: Mapping[str, np.ndarray],
    values: Mapping[str, masks.Values],
) -> Figure:
    """Draw an image and masks over it, each with a scale of its own."""
    panels: list[Panel] = [(tile.name, tile.picture, {})]
    for name, mask in over.items():
        said = f'{values[name]["mean"]:.3f} ± {values[name]["sd"]:.3f}'
        panels.append((f'{cut(name, LETTERS)}\n{said}', mask, {}))
    return _draw(tile, panels, 4)


def _draw(tile: tiles.Tile, panels: Sequence[Panel], columns: int) -> Figure:
    """Draw pictures; numbers with their scale and the true outlines."""
    height, width = tile.truth.shape
    tall = PANEL * height / width + CAPTION
    figure, places = new_panels(len(panels), columns, PANEL, tall)
    building = tile.truth == 1
    for axes, (title, values, style) in zip(places, panels, strict=True):
        # Blended colours would stand for values that are not there.
        image = axes.imshow(values, interpolation_stage='data', **style)
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=8)
        if values.dtype.kind == 'f':
            figure.colorbar(image, ax=axes, shrink=0.8)
            if building.any() and not building.all():
                axes.contour(building, [0.5], colors='white', linewidths=0.7)
    return figure
