"""Pictures of tiles: masks over them, predictions and errors."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch

from mmseg_cube.analysis.learned.choice import iou_of
from mmseg_cube.analysis.learned.error_maps import (
    AGREEMENT,
    ERRORS,
    UNSCORED,
    Kind,
    map_agreement,
    map_errors,
    paint,
)
from mmseg_cube.analysis.learned.mask_values import MaskValues
from mmseg_cube.analysis.learned.pages import fit_title
from mmseg_cube.analysis.learned.tiles import THRESHOLD, Tile
from mmseg_cube.evaluation.confusion import Confusion

PER_ROW = 4
MASKS_PER_PAGE = 11  # beside the image
PANEL = 3.2  # inches
CAPTION = 0.75  # of a panel, and its scale
TITLE = 0.4
LEAST_RANGE = 0.01  # of a mask's colours: a narrower one would show noise
TALLEST = 1.5  # height of a panel over its width
Predictions = Mapping[str, tuple[np.ndarray, Confusion]]


def draw_masks(
    masks: Mapping[str, tuple[np.ndarray, MaskValues]],
    tile: Tile,
    size: tuple[int, int],
) -> Figure:
    """Draw masks over a tile, each with a scale of its own.

    Args:
        masks: Mask and its values by name of layer.
        tile: The tile.
        size: Height and width with padding, in pixels of the truth.

    Returns:
        The figure, with the image and the outlines of its buildings first.
    """
    figure, grid = _panels(tile, 1 + len(masks))
    grid[0].imshow(tile.picture)
    _outline(grid[0], tile, '#ffaa00')
    grid[0].set_title(f'{fit_title(tile.name)}\nand its buildings', fontsize=8)
    for axes, (name, (mask, values)) in zip(
        grid[1:], masks.items(), strict=True
    ):
        slack = max(LEAST_RANGE - (values.max - values.min), 0) / 2
        image = axes.imshow(
            mask,
            vmin=values.min - slack,
            vmax=values.max + slack,
            extent=(-0.5, size[1] - 0.5, size[0] - 0.5, -0.5),
            # Blended colours would stand for values that are not there.
            interpolation_stage='data',
        )
        _add_scale(figure, axes, image)
        said = f'{values.min:.3f} - {values.max:.3f}, mean {values.mean:.3f}'
        if values.constant:
            said = f'nearly constant: {said}'
        axes.set_title(f'{fit_title(name)}\n{said}', fontsize=8)
        _crop(axes, tile)
    return figure


def draw_errors(tile: Tile, why: str, predictions: Predictions) -> Figure:
    """Draw image, truth, probabilities and errors, a row per network.

    Args:
        tile: The tile.
        why: Why it was chosen.
        predictions: Probabilities and counts of one network, or of two, by
            the name of the network.

    Returns:
        The figure.
    """
    figure, grid = _panels(tile, PER_ROW * len(predictions))
    figure.suptitle(f'{tile.name} ({why})', fontsize=10)
    pairs = list(predictions.items())
    if len(pairs) == 1:
        left, columns = grid[:2], [grid[2:]]
    else:
        left, columns = grid[::PER_ROW], [grid[1:3], grid[5:7]]
    left[0].imshow(tile.picture)
    left[0].set_title('image', fontsize=8)
    left[1].imshow(tile.truth == 1, cmap='Greys_r', vmin=0, vmax=1)
    left[1].set_title('truth', fontsize=8)
    for (name, (probability, counts)), (middle, right) in zip(
        pairs, columns, strict=True
    ):
        shown = middle.imshow(probability, cmap='cividis', vmin=0, vmax=1)
        _outline(middle, tile, 'white')
        middle.set_title(f'{name}\nprobability, true outlines', fontsize=8)
        _add_scale(figure, middle, shown)
        labels = map_errors(tile.truth, probability > THRESHOLD)
        right.imshow(paint(tile.picture, labels, ERRORS))
        iou = iou_of(counts)
        score = 'no buildings' if iou is None else f'IoU {iou:.1f} %'
        right.set_title(
            f'{score}\nhit {counts.tp:,}, missed {counts.fn:,}, false '
            f'{counts.fp:,}',
            fontsize=8,
        )
    kinds = list(ERRORS)
    if len(pairs) > 1:
        _compare(figure, grid[3], grid[7], tile, pairs)
        kinds += [kind for kind in AGREEMENT if kind is not UNSCORED]
    figure.legend(
        handles=[
            Patch(
                facecolor=np.array(kind.colour) / 255, ec='k', label=kind.name
            )
            for kind in kinds
            if _needs_key(kind, tile)
        ],
        loc='outside lower center',
        ncols=len(kinds),
        fontsize=8,
    )
    return figure


def _compare(
    figure: Figure,
    upper: Axes,
    lower: Axes,
    tile: Tile,
    pairs: list[tuple[str, tuple[np.ndarray, Confusion]]],
) -> None:
    """Draw where only one of two is right, and how far they are apart."""
    (first, _), (second, _) = (prediction for _, prediction in pairs)
    built = [probability > THRESHOLD for probability in (first, second)]
    labels = map_agreement(tile.truth, *built)
    upper.imshow(paint(tile.picture, labels, AGREEMENT))
    counts = np.bincount(labels.reshape(-1), minlength=len(AGREEMENT))
    upper.set_title(
        f'first: {pairs[0][0]}\nonly first right {counts[1]:,}, only second '
        f'{counts[2]:,}',
        fontsize=8,
    )
    shown = lower.imshow(first - second, cmap='PuOr', vmin=-1, vmax=1)
    lower.set_title('probability, first less second', fontsize=8)
    _add_scale(figure, lower, shown)


def _needs_key(kind: Kind, tile: Tile) -> bool:
    if kind is UNSCORED:
        return bool((tile.truth > 1).any())
    return kind.colour is not None


def _panels(tile: Tile, count: int) -> tuple[Figure, list[Axes]]:
    """Make panels that have the shape of a tile."""
    height, width = tile.truth.shape
    per_row = min(PER_ROW, count)
    rows = -(-count // per_row)
    tall = min(max(height / width, 1 / TALLEST), TALLEST) * PANEL + CAPTION
    figure = Figure(
        (PANEL * per_row, tall * rows + TITLE), layout='constrained'
    )
    grid = list(figure.subplots(rows, per_row, squeeze=False).ravel())
    for axes in grid:
        axes.set(xticks=[], yticks=[])
    for axes in grid[count:]:
        axes.axis('off')
    return figure, grid[:count]


def _add_scale(figure: Figure, axes: Axes, image: AxesImage) -> None:
    # Inside the panel's own place, so that all panels keep one size.
    place = axes.inset_axes((0.05, -0.055, 0.9, 0.025))
    bar = figure.colorbar(image, cax=place, orientation='horizontal')
    bar.ax.tick_params(labelsize=6, length=2)


def _outline(axes: Axes, tile: Tile, colour: str) -> None:
    building = tile.truth == 1
    if building.any() and not building.all():
        axes.contour(building, [0.5], colors=[colour], linewidths=0.7)


def _crop(axes: Axes, tile: Tile) -> None:
    height, width = tile.truth.shape
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
