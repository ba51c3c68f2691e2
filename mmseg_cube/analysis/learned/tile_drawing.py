"""Pictures of tiles: masks over them, predictions and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mmseg_cube.analysis.learned.masks import LEAST_SD, Values
from mmseg_cube.analysis.learned.tiles import THRESHOLD, Tile, iou_of
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.error_picture import (
    FALSE,
    FOUND,
    IGNORED,
    MISSED,
    UNSCORED,
    paint,
    paint_errors,
)
from mmseg_cube.utils.figures import new_figure
from mmseg_cube.utils.words import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL, CAPTION = 3.2, 0.75  # inches
LETTERS = 34  # of a name over a panel
LEAST_RANGE = 0.01  # of a mask's colours: a narrower one would show noise
TALLEST = 1.5  # height of a panel over its width
TRUTH = dict(cmap='Greys_r', vmin=0, vmax=1)
PROBABILITY = dict(cmap='cividis', vmin=0, vmax=1)
DIFFERENCE = dict(cmap='PuOr', vmin=-1, vmax=1)
# Told apart with any kind of colour vision, as those of errors are.
AGREEMENT = {
    'only the first is right': (0, 210, 160),
    'only the second is right': (170, 70, 220),
    'both wrong': (240, 228, 66),
}


def compare(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> dict[str, np.ndarray]:
    """Tell where only one of two predictions is right, or none.

    Returns:
        Masks of the truth's shape by the names in ``AGREEMENT``.
    """
    scored, good, other = truth != IGNORED, truth == first, truth == second
    masks = good & ~other, ~good & other, ~good & ~other
    return {n: scored & mask for n, mask in zip(AGREEMENT, masks, strict=True)}


def draw_errors(
    tile: Tile,
    why: str,
    predictions: Mapping[str, tuple[np.ndarray, Confusion]],
) -> Figure:
    """Draw image and truth, then probabilities and errors of each network.

    Behind two networks stands where only one of them is right.

    Args:
        tile: The tile.
        why: Why it was chosen.
        predictions: Probabilities and counts by the name of the network.
    """
    from matplotlib.patches import Patch

    keys = dict(found=FOUND, missed=MISSED, false=FALSE)
    # From top to bottom, then to the right.
    panels = [('image', tile.picture, {}), ('truth', tile.truth == 1, TRUTH)]
    for name, (probability, counts) in predictions.items():
        title = f'{cut(name, LETTERS)}\nprobability, true outlines'
        panels.append((title, probability, PROBABILITY))
        iou = iou_of(counts)
        score = 'no buildings' if iou is None else f'IoU {iou:.1f} %'
        title = f'{score}\nfound {counts.tp:,}, missed {counts.fn:,}, false '
        built = probability > THRESHOLD
        errors = paint_errors(tile.picture, tile.truth, built)
        panels.append((f'{title}{counts.fp:,}', errors, {}))
    if len(predictions) > 1:
        keys |= AGREEMENT
        first, second = (pair[0] for pair in predictions.values())
        masks = compare(tile.truth, first > THRESHOLD, second > THRESHOLD)
        layers = [(masks[name], AGREEMENT[name]) for name in masks]
        layers.append((tile.truth == IGNORED, UNSCORED))
        only = [int(mask.sum()) for mask in masks.values()]
        title = f'first: {cut(next(iter(predictions)), LETTERS)}\nonly first '
        title += f'right {only[0]:,}, only second {only[1]:,}'
        panels.append((title, paint(tile.picture, layers), {}))
        title = 'probability, first less second'
        panels.append((title, first - second, DIFFERENCE))
    figure, grid = _panels(tile, 2, len(panels) // 2)
    figure.suptitle(f'{tile.name} ({why})', fontsize=10)
    for axes, (title, values, style) in zip(grid.T.flat, panels, strict=True):
        _show(axes, values, title, **style)
    for axes in grid[0, 1 : 1 + len(predictions)]:
        _outline(axes, tile, 'white')
    if (tile.truth == IGNORED).any():
        keys['not scored'] = UNSCORED
    handles = [
        Patch(facecolor=np.array(colour) / 255, ec='k', label=name)
        for name, colour in keys.items()
    ]
    place = dict(loc='outside lower center', ncols=3, fontsize=8)
    figure.legend(handles=handles, **place)
    return figure


def draw_masks(
    masks: Mapping[str, tuple[np.ndarray, Values]], tile: Tile
) -> Figure:
    """Draw an image and masks over it, each with a scale of its own.

    Args:
        masks: Mask, a value per pixel, and its numbers, by name of layer.
        tile: The tile.
    """
    columns = min(4, 1 + len(masks))
    figure, grid = _panels(tile, -(-(1 + len(masks)) // columns), columns)
    first, *places = grid.flat
    title = f'{cut(tile.name, LETTERS)}\nand its buildings'
    _show(first, tile.picture, title)
    _outline(first, tile, '#ffaa00')
    for axes, (name, (mask, values)) in zip(
        places, masks.items(), strict=False
    ):
        low, high = values['min'], values['max']
        slack = max(LEAST_RANGE - (high - low), 0) / 2
        said = f'{low:.3f} - {high:.3f}, mean {values["mean"]:.3f}'
        if values['sd'] < LEAST_SD:
            said = f'nearly constant: {said}'
        title = f'{cut(name, LETTERS)}\n{said}'
        _show(axes, mask, title, vmin=low - slack, vmax=high + slack)
    for axes in places[len(masks) :]:
        axes.axis('off')
    return figure


def _panels(tile: Tile, rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    """Make panels that have the shape of a tile."""
    height, width = tile.truth.shape
    tall = min(max(height / width, 1 / TALLEST), TALLEST) * PANEL + CAPTION
    return new_figure(rows, columns, (PANEL * columns, tall * rows + 0.4))


def _show(axes: Axes, values: np.ndarray, title: str, **options) -> None:
    """Draw a picture, or numbers with their scale."""
    # Blended colours would stand for values that are not there.
    image = axes.imshow(values, interpolation_stage='data', **options)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8)
    if values.dtype.kind == 'f':
        # Inside the panel's own place, so that all panels keep one size.
        place = axes.inset_axes((0.05, -0.055, 0.9, 0.025))
        bar = axes.figure.colorbar(image, cax=place, orientation='horizontal')
        bar.ax.tick_params(labelsize=6, length=2)


def _outline(axes: Axes, tile: Tile, colour: str) -> None:
    building = tile.truth == 1
    if building.any() and not building.all():
        axes.contour(building, [0.5], colors=[colour], linewidths=0.7)
