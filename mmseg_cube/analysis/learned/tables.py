"""What a network has learned, as tables."""

from collections.abc import Mapping, Sequence

from mmseg_cube.analysis.learned.masks import LEAST_SD
from mmseg_cube.utils.tables import Table

ORDERS = (
    'Layer', 'Router', 'Channels', 'Moved', 'Distance', 'New cell',
    'New parity', 'Temperature', 'Gap',
)  # fmt: skip
KERNELS = (
    'Layer', 'Least energy', 'Largest energy', 'Random: 1 ±',
    'Lean down, right (cells)', 'At random', 'Lean (pixels)',
)  # fmt: skip
MASKS = (
    'Layer', 'Min', 'Mean', 'Max', 'Standard deviation',
    'By place in the cell', 'On buildings', 'Elsewhere', 'Note',
)  # fmt: skip

# What was measured, by name, as JSON has it.
Measured = Mapping[str, Mapping]


def tabulate_orders(layers: Measured) -> Table:
    """Lay out the orders of channels."""
    rows = []
    for name, layer in layers.items():
        order = layer['order']
        if order is None:
            rows.append([name, 'no router', *[''] * 7])
            continue
        method, last = f'{order["method"]}, not learned', ['', '']
        if order['learned']:
            method = order['method']
            last = [f'{order["temperature"]:.3g}', f'{order["gap"]:.3f}']
        moves = [f'{order["moved"]:.1%}', f'{order["distance"]:.3f}']
        moves += [str(order['new_cell']), str(order['new_parity'])]
        rows.append([name, method, str(order['channels']), *moves, *last])
    return Table(ORDERS, rows)


def tabulate_kernels(layers: Measured) -> Table:
    """Lay out the extremes of the energies, and the lean."""
    rows = []
    for name, layer in layers.items():
        kernel, pixels = layer['kernel'], layer['pixels']
        energies = sum(kernel['energies'], [])
        row = [name, number(min(energies)), number(max(energies))]
        row += [number(kernel['noise'])]
        row += ['{:+.3f}, {:+.3f}'.format(*kernel['lean'])]
        row += ['{:+.3f}, {:+.3f}'.format(*kernel['random_lean'])]
        row += ['{:+.1f}, {:+.1f}'.format(*pixels) if pixels else 'not used']
        rows.append(row)
    return Table(KERNELS, rows)


def tabulate_masks(layers: Measured) -> Table:
    """Lay out the values of masks; none for a layer without one."""
    rows = []
    for name, layer in layers.items():
        values = layer['mask']
        if values is None:
            rows.append([name, *[''] * 7, 'no mask, or not used'])
            continue
        row = [
            name,
            *(number(values[x]) for x in ('min', 'mean', 'max', 'sd')),
        ]
        row += [', '.join(map(number, values['places']))]
        row += [number(values['building']), number(values['ground'])]
        row += ['nearly constant' if values['sd'] < LEAST_SD else '']
        rows.append(row)
    return Table(MASKS, rows)


def tabulate_tiles(tiles: Measured, networks: Sequence[str]) -> Table:
    """Lay out the scores of drawn tiles.

    Args:
        tiles: What was measured, by name of the tile.
        networks: Names of one network or two.
    """
    head = ['Tile', 'Chosen as', *(f'IoU of {name}' for name in networks)]
    if len(networks) > 1:
        head += ['Difference', 'Only first right', 'Only second right']
    rows = []
    for name, tile in tiles.items():
        iou = [tile['counts'][network]['IoU'] for network in networks]
        row = [name, tile['why'], *(number(value, 2) for value in iou)]
        if len(networks) > 1:
            row.append('' if None in iou else f'{iou[0] - iou[1]:+.2f}')
            row += [f'{n:,}' for n in list(tile['agreement'].values())[:2]]
        rows.append(row)
    return Table(head, rows)


def number(value: float | None, digits: int = 3) -> str:
    """Write a number; a dash for none."""
    return '-' if value is None else f'{value:.{digits}f}'
