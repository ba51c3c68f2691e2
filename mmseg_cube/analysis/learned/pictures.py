"""Pictures of tiles: masks over them, predictions and errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from mmseg.models import BaseSegmentor

from mmseg_cube.analysis.learned import masks, tiles
from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.evaluation import error_picture
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.utils.figures import new_panels, save_figure
from mmseg_cube.utils.words import cut

PANEL, CAPTION = 3.6, 0.5  # inches
LETTERS = 34  # of a name over a panel
ERRORS = dict(
    found=error_picture.FOUND,
    missed=error_picture.MISSED,
    false=error_picture.FALSE,
    unscored=error_picture.UNSCORED,
)
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
    tile: tiles.Tile,
    why: str,
    out: Path,
) -> dict[str, object]:
    """Draw errors and masks of a tile; the first network has the layers.

    Returns:
        ``masks``, their values by layer; ``cells``, those of outputs;
        ``pictures``, names of the files;
        for two networks the pixels where ``only_first``, ``only_second`` or
        ``neither`` is right.
    """
    predictions, over, values = {}, {}, {}
    with masks.watch(next(iter(models.values())), layers) as seen:
        for name, model in models.items():
            predictions[name] = tiles.predict_tile(model, tile)
    # From pixels of the network's image to those of the truth.
    zoom = np.divide(tile.truth.shape, tile.image.shape[:2])
    size = tuple(np.multiply(seen.size, zoom).round().astype(int).tolist())
    for name, mask in seen.masks.items():
        over[name] = masks.over_image(mask, tile.truth.shape, size)
        values[name] = masks.measure_mask(mask, tile.truth, size)
    title = f'{tile.name} ({why})'
    pictures = {
        f'errors_{tile.name}.png': draw_errors(tile, title, predictions)
    }
    if over:
        pictures[f'masks_{tile.name}.png'] = draw_masks(tile, over, values)
    for name, picture in pictures.items():
        save_figure(picture, out / name)
    found = dict(masks=values, cells=seen.cells, pictures=list(pictures))
    if len(models) > 1:
        built = [p > tiles.THRESHOLD for p in predictions.values()]
        right = compare(tile.truth, *built)
        found |= {key: int(pixels.sum()) for key, pixels in right.items()}
    return found


def compare(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> dict[str, np.ndarray]:
    """Tell where only one of two predictions is right, or neither."""
    scored, good, other = truth != IGNORED, truth == first, truth == second
    found = good & ~other, ~good & other, ~good & ~other
    return {n: scored & mask for n, mask in zip(AGREEMENT, found, strict=True)}


def draw_errors(
    tile: tiles.Tile, title: str, predictions: Mapping[str, np.ndarray]
) -> Figure:
    """Draw image and truth, then probabilities and errors of each network.

    Below two networks stands where only one of them is right.
    """
    image, truth, colours = tile.picture, tile.truth, ERRORS
    panels: list[Panel] = [
        ('image', image, {}),
        ('truth', error_picture.paint_errors(image, truth, truth), {}),
    ]
    built = {n: p > tiles.THRESHOLD for n, p in predictions.items()}
    for name, probability in predictions.items():
        style = dict(cmap='cividis', vmin=0, vmax=1)
        panels.append((cut(name, LETTERS), probability, style))
        errors = error_picture.paint_errors(image, truth, built[name])
        counts = tiles.score_tile(tile, probability)
        said = f'found {counts.tp:,}, missed {counts.fn:,}, false '
        panels.append((f'{said}{counts.fp:,}', errors, {}))
    if len(predictions) > 1:
        colours = ERRORS | AGREEMENT
        right = compare(truth, *built.values())
        layers = [(mask, AGREEMENT[name]) for name, mask in right.items()]
        layers.append((truth == IGNORED, ERRORS['unscored']))
        panels.append(('who is right', error_picture.paint(image, layers), {}))
        first, second = predictions.values()
        style = dict(cmap='PuOr', vmin=-1, vmax=1)
        panels.append(('first less second', first - second, style))
    figure = _draw(tile, panels, 2)
    figure.suptitle(title, fontsize=10)
    handles = [
        Patch(fc=np.array(colour) / 255, ec='k', label=key.replace('_', ' '))
        for key, colour in colours.items()
    ]
    place = dict(loc='outside lower center', ncols=3, fontsize=8)
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
