"""Pictures of tiles: masks over them, predictions and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mmseg_cube.analysis.learned.masks import LEAST_SD, Size, Values
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

PER_ROW = 4
PANEL = 3.2  # inches
CAPTION = 0.75  # inches: of a panel, and its scale
LETTERS = 34  # of a name over a panel
LEAST_RANGE = 0.01  # of a mask's colours: a narrower one would show noise
TALLEST = 1.5  # height of a panel over its width
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

    Args:
        truth: Labels 0 and 1, and 255 to ignore, of shape (H, W).
        first: Predicted buildings, boolean of the same shape.
        second: Those of the other network.

    Returns:
        Masks by the names in ``AGREEMENT``.
    """
    scored = truth != IGNORED
    good, other_good = (truth == first), (truth == second)
    masks = good & ~other_good, ~good & other_good, ~good & ~other_good
    return {
        name: scored & mask
        for name, mask in zip(AGREEMENT, masks, strict=True)
    }


def draw_errors(
    tile: Tile,
    why: str,
    predictions: Mapping[str, tuple[np.ndarray, Confusion]],
) -> Figure:
    """Draw image, truth, probabilities and errors, a row per network.

    Args:
        tile: The tile.
        why: Why it was chosen.
        predictions: Probabilities and counts of one network, or of two, by
            the name of the network.
    """
    from matplotlib.patches import Patch

    grid = _panels(tile, PER_ROW * len(predictions))
    figure = grid[0].figure
    figure.suptitle(f'{tile.name} ({why})', fontsize=10)
    keys = dict(found=FOUND, missed=MISSED, false=FALSE)
    alone = len(predictions) == 1
    image, truth = (grid[0], grid[1 if alone else PER_ROW])
    image.imshow(tile.picture)
    image.set_title('image', fontsize=8)
    truth.imshow(tile.truth == 1, cmap='Greys_r', vmin=0, vmax=1)
    truth.set_title('truth', fontsize=8)
    for i, (name, (probability, counts)) in enumerate(predictions.items()):
        left = 2 if alone else PER_ROW * i + 1
        _draw_values(grid[left], probability, cmap='cividis', vmin=0, vmax=1)
        _outline(grid[left], tile, 'white')
        grid[left].set_title(
            f'{cut(name, LETTERS)}\nprobability, true outlines', fontsize=8
        )
        built = probability > THRESHOLD
        grid[left + 1].imshow(paint_errors(tile.picture, tile.truth, built))
        iou = iou_of(counts)
        score = 'no buildings' if iou is None else f'IoU {iou:.1f} %'
        grid[left + 1].set_title(
            f'{score}\nfound {counts.tp:,}, missed {counts.fn:,}, false '
            f'{counts.fp:,}',
            fontsize=8,
        )
    if not alone:
        first, second = (pair[0] for pair in predictions.values())
        masks = compare(tile.truth, first > THRESHOLD, second > THRESHOLD)
        keys |= AGREEMENT
        layers = [(masks[name], AGREEMENT[name]) for name in masks]
        layers.append((tile.truth == IGNORED, UNSCORED))
        grid[3].imshow(paint(tile.picture, layers))
        only = [int(mask.sum()) for mask in masks.values()]
        grid[3].set_title(
            f'first: {cut(next(iter(predictions)), LETTERS)}\nonly first '
            f'right {only[0]:,}, only second {only[1]:,}',
            fontsize=8,
        )
        _draw_values(grid[7], first - second, cmap='PuOr', vmin=-1, vmax=1)
        grid[7].set_title('probability, first less second', fontsize=8)
    if (tile.truth == IGNORED).any():
        keys['not scored'] = UNSCORED
    figure.legend(
        handles=[
            Patch(facecolor=np.array(colour) / 255, ec='k', label=name)
            for name, colour in keys.items()
        ],
        loc='outside lower center',
        ncols=len(keys),
        fontsize=8,
    )
    return figure


def draw_masks(
    masks: Mapping[str, tuple[np.ndarray, Values]], tile: Tile, size: Size
) -> Figure:
    """Draw masks over a tile, each with a scale of its own.

    Args:
        masks: Mask and its values by name of layer.
        tile: The tile.
        size: Height and width with padding, in pixels of the truth.

    Returns:
        The figure, with the image and the outlines of its buildings first.
    """
    grid = _panels(tile, 1 + len(masks))
    grid[0].imshow(tile.picture)
    _outline(grid[0], tile, '#ffaa00')
    title = f'{cut(tile.name, LETTERS)}\nand its buildings'
    grid[0].set_title(title, fontsize=8)
    height, width = tile.truth.shape
    for axes, (name, (mask, values)) in zip(
        grid[1:], masks.items(), strict=True
    ):
        low, high = values['min'], values['max']
        slack = max(LEAST_RANGE - (high - low), 0) / 2
        _draw_values(
            axes,
            mask,
            vmin=low - slack,
            vmax=high + slack,
            extent=(-0.5, size[1] - 0.5, size[0] - 0.5, -0.5),
            # Blended colours would stand for values that are not there.
            interpolation_stage='data',
        )
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        said = f'{low:.3f} - {high:.3f}, mean {values["mean"]:.3f}'
        if values['sd'] < LEAST_SD:
            said = f'nearly constant: {said}'
        axes.set_title(f'{cut(name, LETTERS)}\n{said}', fontsize=8)
    return grid[0].figure


def _panels(tile: Tile, count: int) -> list[Axes]:
    """Make panels that have the shape of a tile."""
    height, width = tile.truth.shape
    columns = min(PER_ROW, count)
    rows = -(-count // columns)
    tall = min(max(height / width, 1 / TALLEST), TALLEST) * PANEL + CAPTION
    _, grid = new_figure(rows, columns, (PANEL * columns, tall * rows + 0.4))
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for axes in grid.flat[count:]:
        axes.axis('off')
    return list(grid.flat[:count])


def _draw_values(axes: Axes, values: np.ndarray, **options) -> None:
    """Draw numbers with their scale."""
    image = axes.imshow(values, **options)
    # Inside the panel's own place, so that all panels keep one size.
    place = axes.inset_axes((0.05, -0.055, 0.9, 0.025))
    bar = axes.figure.colorbar(image, cax=place, orientation='horizontal')
    bar.ax.tick_params(labelsize=6, length=2)


def _outline(axes: Axes, tile: Tile, colour: str) -> None:
    building = tile.truth == 1
    if building.any() and not building.all():
        axes.contour(building, [0.5], colors=[colour], linewidths=0.7)
