"""What a network has learned, as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmseg_cube.analysis.learned.kernels import Kernel, Place, Shares
from mmseg_cube.analysis.learned.masks import LEAST_SD, Values
from mmseg_cube.analysis.learned.tiles import iou_of
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.utils.tables import Table

ORDERS = (
    'Layer', 'Router', 'Channels', 'Moved', 'Distance', 'New cell',
    'New parity', 'Temperature', 'Gap',
)  # fmt: skip
KERNELS = (
    'Layer', 'Share of cells (at random)', 'Share of parities',
    'Lean down, right (cells)', 'At random', 'Lean (pixels)',
)  # fmt: skip
MASKS = (
    'Layer', 'Min', 'Mean', 'Max', 'Standard deviation',
    'By place in the cell', 'On buildings', 'Elsewhere', 'Note',
)  # fmt: skip


@dataclass(frozen=True)
class Learned:
    """What a layer has learned.

    Attributes:
        order: That of its router; None without one.
        kernel: Its kernel.
        masked: Whether it has a mask.
        mask: Values of its mask on all drawn tiles; None if there are none.
        pixels: Lean of its kernel in pixels of the image; None if no tile
            passed through it.
    """

    order: Mapping[str, object] | None
    kernel: Kernel
    masked: bool
    mask: Values | None
    pixels: Place | None


@dataclass(frozen=True)
class DrawnTile:
    """What was measured on a tile.

    Attributes:
        why: Why it was chosen.
        counts: Counts by name of network.
        agreement: Pixels by who is right; empty for one network.
        masks: Values of the mask of every layer that has one.
        cells: Height and width of the cells of every layer that was used, in
            pixels of the truth.
        pictures: Names of the files.
    """

    why: str
    counts: dict[str, Confusion]
    agreement: dict[str, int]
    masks: dict[str, Values]
    cells: dict[str, Place]
    pictures: list[str]


def tabulate_orders(layers: Mapping[str, Learned]) -> Table:
    """Lay out the orders of channels."""
    table = Table(ORDERS)
    for name, layer in layers.items():
        order = layer.order
        if order is None:
            table.rows.append([name, 'no router', *[''] * (len(ORDERS) - 2)])
            continue
        method, last = f'{order["method"]}, not learned', ['', '']
        if order['learned']:
            method = order['method']
            last = [f'{order["temperature"]:.3g}', f'{order["gap"]:.3f}']
        numbers = [f'{order["moved"]:.1%}', f'{order["distance"]:.3f}']
        changes = [str(order['new_cell']), str(order['new_parity'])]
        row = [name, method, str(order['channels']), *numbers, *changes, *last]
        table.rows.append(row)
    return table


def tabulate_kernels(layers: Mapping[str, Learned]) -> Table:
    """Lay out the shares of cells and parities, and the lean."""
    table = Table(KERNELS)
    for name, layer in layers.items():
        kernel, pixels = layer.kernel, layer.pixels
        table.rows.append(
            [
                name,
                _list(kernel.cells),
                _list(kernel.parities),
                '{:+.3f}, {:+.3f}'.format(*kernel.lean),
                '{:+.3f}, {:+.3f}'.format(*kernel.random_lean),
                '{:+.1f}, {:+.1f}'.format(*pixels) if pixels else 'not used',
            ]
        )
    return table


def tabulate_masks(layers: Mapping[str, Learned]) -> Table:
    """Lay out the values of masks; none for a layer without one."""
    table = Table(MASKS)
    for name, layer in layers.items():
        values = layer.mask
        if values is None:
            said = 'not used' if layer.masked else 'no mask'
            table.rows.append([name, *[''] * (len(MASKS) - 2), said])
            continue
        numbers = [number(values[key]) for key in ('min', 'mean', 'max', 'sd')]
        places = ', '.join(map(number, values['places']))
        means = [number(values[key]) for key in ('building', 'ground')]
        note = 'nearly constant' if values['sd'] < LEAST_SD else ''
        table.rows.append([name, *numbers, places, *means, note])
    return table


def tabulate_tiles(
    tiles: Mapping[str, DrawnTile], networks: Sequence[str]
) -> Table:
    """Lay out the scores of drawn tiles.

    Args:
        tiles: Tiles by name.
        networks: Names of one network or two.
    """
    head = ['Tile', 'Chosen as', *(f'IoU of {name}' for name in networks)]
    if len(networks) > 1:
        head += ['Difference', 'Only first right', 'Only second right']
    table = Table(head)
    for name, tile in tiles.items():
        iou = [iou_of(tile.counts[network]) for network in networks]
        row = [name, tile.why, *(number(value, 2) for value in iou)]
        if len(networks) > 1:
            row.append('' if None in iou else f'{iou[0] - iou[1]:+.2f}')
            row += [f'{n:,}' for n in list(tile.agreement.values())[:2]]
        table.rows.append(row)
    return table


def number(value: float | None, digits: int = 3) -> str:
    """Write a number; a dash for none."""
    return '-' if value is None else f'{value:.{digits}f}'


def _list(shares: Shares) -> str:
    return '; '.join(
        f'{name} {learned:.3f} ({random:.3f})'
        for name, (learned, random) in shares.items()
    )
