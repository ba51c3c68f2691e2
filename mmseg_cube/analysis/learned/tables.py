"""What a network has learned, as rows of text: a head, then a row each."""

from collections.abc import Mapping, Sequence

from mmseg_cube.analysis.learned.choice import iou_of
from mmseg_cube.analysis.learned.drawing import DrawnLayer, DrawnTile
from mmseg_cube.analysis.learned.kernels import Share

Rows = list[list[str]]
Layers = Mapping[str, DrawnLayer]

ORDERS = (
    'Layer',
    'Router',
    'Channels',
    'Moved',
    'Distance',
    'New cell',
    'New parity',
    'Temperature',
    'Gap',
)
KERNELS = (
    'Layer',
    'Share of cells (at random)',
    'Share of parities',
    'Lean down, right (cells)',
    'At random',
    'Lean (pixels)',
)
MASKS = (
    'Layer',
    'Min',
    'Mean',
    'Max',
    'Standard deviation',
    'By place in the cell',
    'On buildings',
    'Elsewhere',
    'Note',
)


def tabulate_orders(layers: Layers) -> Rows:
    """Lay out the orders of channels."""
    rows = [list(ORDERS)]
    for name, layer in layers.items():
        order = layer.order
        if order is None:
            rows.append([name, 'no router', *[''] * (len(ORDERS) - 2)])
            continue
        learned = order.learned
        method = order.method if learned else f'{order.method}, not learned'
        row = [name, method, str(order.channels), f'{order.moved:.1%}']
        row += [f'{order.distance:.3f}']
        row += [str(order.new_cell), str(order.new_parity)]
        row += [f'{order.temperature:.3g}' if learned else '']
        row += [f'{order.gap:.3f}' if learned else '']
        rows.append(row)
    return rows


def tabulate_kernels(layers: Layers) -> Rows:
    """Lay out the shares of cells and parities, and the lean."""
    rows = [list(KERNELS)]
    for name, layer in layers.items():
        kernel = layer.kernel
        row = [name, _list(kernel.cells), _list(kernel.parities)]
        row += ['{:+.3f}, {:+.3f}'.format(*kernel.lean)]
        row += ['{:+.3f}, {:+.3f}'.format(*kernel.random_lean)]
        pixels = kernel.pixels
        row += ['{:+.1f}, {:+.1f}'.format(*pixels) if pixels else 'not used']
        rows.append(row)
    return rows


def tabulate_masks(layers: Layers) -> Rows:
    """Lay out the values of masks; none for a layer without one."""
    rows = [list(MASKS)]
    for name, layer in layers.items():
        values = layer.mask
        if values is None:
            said = 'not used' if layer.masked else 'no mask'
            rows.append([name, *[''] * (len(MASKS) - 2), said])
            continue
        numbers = values.min, values.mean, values.max, values.sd
        row = [name, *map(number, numbers)]
        row += [', '.join(map(number, values.places))]
        row += [number(values.building), number(values.ground)]
        row += ['nearly constant' if values.constant else '']
        rows.append(row)
    return rows


def tabulate_tiles(
    tiles: Mapping[str, DrawnTile], networks: Sequence[str]
) -> Rows:
    """Lay out the scores of drawn tiles.

    Args:
        tiles: Tiles by name.
        networks: Names of one network or two.
    """
    head = ['Tile', 'Chosen as', *(f'IoU of {name}' for name in networks)]
    if len(networks) > 1:
        head += ['Difference', 'Only first right', 'Only second right']
    rows = [head]
    for name, tile in tiles.items():
        iou = [iou_of(tile.counts[network]) for network in networks]
        row = [name, tile.why, *(number(value, 2) for value in iou)]
        if len(networks) > 1:
            row.append('' if None in iou else f'{iou[0] - iou[1]:+.2f}')
            only = list(tile.agreement.values())[1:3]
            row += [f'{pixels:,}' for pixels in only]
        rows.append(row)
    return rows


def number(value: float | None, digits: int = 3) -> str:
    """Write a number; a dash for none."""
    return '-' if value is None else f'{value:.{digits}f}'


def _list(shares: Mapping[str, Share]) -> str:
    return '; '.join(
        f'{name} {share.learned:.3f} ({share.random:.3f})'
        for name, share in shares.items()
    )
