"""Pictures of tiles: masks over them, predictions and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mmseg.models import BaseSegmentor

from mmseg_cube.analysis.learned.masks import (
    LEAST_SD,
    Values,
    measure_mask,
    over_image,
    watch,
)
from mmseg_cube.analysis.learned.tiles import (
    THRESHOLD,
    Tile,
    predict_tile,
    score_tile,
)
from mmseg_cube.evaluation.error_picture import (
    FALSE,
    FOUND,
    IGNORED,
    MISSED,
    UNSCORED,
    paint,
    paint_errors,
)
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.utils.figures import new_panels, save_figure
from mmseg_cube.utils.words import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL, CAPTION = 3.6, 0.5  # inches
LETTERS = 34  # of a name over a panel
ERRORS = dict(found=FOUND, missed=MISSED, false=FALSE, unscored=UNSCORED)
# Told apart with any kind of colour vision, as those of errors are.
AGREEMENT = dict(
    only_first=(0, 210, 160),
    only_second=(170, 70, 220),
    neither=(240, 228, 66),
)

Panel = tuple[str, np.ndarray, dict]  # title, values, options of imshow


def draw_tile(
    models: Mapping[str, BaseSegmentor],
    layers: Mapping[str, CubeConv2d],
    tile: Tile,
    why: str,
    out: Path,
) -> dict[str, object]:
    """Draw errors and masks of a tile; the first network has the layers.

    Returns:
        ``masks``, their values by layer; ``pictures``, names of the files;
        for two networks the pixels where ``only_first``, ``only_second`` or
        ``neither`` is right.
    """
    with watch(next(iter(models.values())), layers) as seen:
        predictions = {n: predict_tile(x, tile) for n, x in models.items()}
    # From pixels of the network's image to those of the truth.
    zoom = np.divide(tile.truth.shape, tile.image.shape[:2])
    size = tuple(np.multiply(seen.size, zoom).round().astype(int).tolist())
    masks = {
        name: (
            over_image(mask, tile.truth.shape, size),
            measure_mask(mask, tile.truth, size, layers[name].scale),
        )
        for name, mask in seen.masks.items()
    }
    figures = {
        'errors': draw_errors(tile, f'{tile.name} ({why})', predictions)
    }
    if masks:
        figures['masks'] = draw_masks(tile, masks)
    pictures = [f'{what}_{tile.name}.png' for what in figures]
    for name, figure in zip(pictures, figures.values(), strict=True):
        save_figure(figure, out / name)
    found = dict(
        masks={name: values for name, (_, values) in masks.items()},
        pictures=pictures,
    )
    if len(models) > 1:
        built = [p > THRESHOLD for p in predictions.values()]
        right = compare(tile.truth, *built)
        found |= {key: int(pixels.sum()) for key, pixels in right.items()}
    return found


def compare(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> dict[str, np.ndarray]:
    """Tell where only one of two predictions is right, or neither."""
    scored, good, other = truth != IGNORED, truth == first, truth == second
    masks = good & ~other, ~good & other, ~good & ~other
    return {n: scored & mask for n, mask in zip(AGREEMENT, masks, strict=True)}


def draw_errors(
    tile: Tile, title: str, predictions: Mapping[str, np.ndarray]
) -> Figure:
    """Draw image and truth, then probabilities and errors of each network.

    Below two networks stands where only one of them is right.
    """
    from matplotlib.patches import Patch

    image, truth, colours = tile.picture, tile.truth, ERRORS
    panels: list[Panel] = [
        ('image', image, {}),
        ('truth', paint_errors(image, truth, truth), {}),
    ]
    for name, probability in predictions.items():
        style = dict(cmap='cividis', vmin=0, vmax=1)
        panels.append((cut(name, LETTERS), probability, style))
        errors = paint_errors(image, truth, probability > THRESHOLD)
        counts = score_tile(tile, probability)
        said = f'found {counts.tp:,}, missed {counts.fn:,}, false '
        panels.append((f'{said}{counts.fp:,}', errors, {}))
    if len(predictions) > 1:
        colours = ERRORS | AGREEMENT
        first, second = predictions.values()
        masks = compare(truth, first > THRESHOLD, second > THRESHOLD)
        layers = [(mask, AGREEMENT[name]) for name, mask in masks.items()]
        layers.append((truth == IGNORED, UNSCORED))
        panels.append(('who is right', paint(image, layers), {}))
        style = dict(cmap='PuOr', vmin=-1, vmax=1)
        panels.append(('first less second', first - second, style))
    figure = _draw(tile, panels, 2)
    figure.suptitle(title, fontsize=10)
    handles = [
        Patch(facecolor=np.array(colour) / 255, ec='k', label=name)
        for name, colour in colours.items()
    ]
    place = dict(loc='outside lower center', ncols=3, fontsize=8)
    figure.legend(handles=handles, **place)
    return figure


def draw_masks(
    tile: Tile, masks: Mapping[str, tuple[np.ndarray, Values]]
) -> Figure:
    """Draw an image and masks over it, each with a scale of its own."""
    panels: list[Panel] = [(tile.name, tile.picture, {})]
    for name, (mask, values) in masks.items():
        said = f'mean {values["mean"]:.3f}'
        if values['sd'] < LEAST_SD:
            said = f'nearly constant, {said}'
        panels.append((f'{cut(name, LETTERS)}\n{said}', mask, {}))
    return _draw(tile, panels, 4)


def _draw(tile: Tile, panels: Sequence[Panel], columns: int) -> Figure:
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
