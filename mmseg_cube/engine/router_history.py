"""History of the channel orders that routers learn, and its report.

The distance of an order from the identity is Spearman's footrule, the sum of
all displacements, over its mean for random orders: (g^2 - 1) / 3 for g
channels (Diaconis and Graham, J. R. Stat. Soc. B 39, 1977). A router that
stays within blocks is compared with random orders within those blocks. So 0
is the identity, about 1 a random order and about 1.5 a reversed one.

A history holds one record per router: ``method``, ``channels``, ``block``
(channels per block), the last ``order``, and ``looks``, which lists for every
look the ``iteration``, the share ``moved`` of channels away from their place,
the ``distance``, and how many places ``changed`` since the look before. Plain
lists and numbers, so that checkpoints and JSON can hold it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_cube.layers import ChannelRouter, layer_name
from mmseg_cube.utils.figures import new_figure, plain, save_figure
from mmseg_cube.utils.report import write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Under this name checkpoints keep the history, so that it can be resumed.
HISTORY = 'router_report'
SERIES = ('iteration', 'moved', 'distance', 'changed')
CELLS = 64  # most rows of a drawn matrix
COLUMNS = 6  # matrices side by side
PANEL = 2.0  # inches
LETTERS = 26  # that fit over a matrix


def measure(order: list[int], block: int) -> dict[str, float]:
    """Compare an order with the identity.

    Args:
        order: Permutation of C channels that stays within blocks.
        block: Channels per block, g.

    Returns:
        ``moved``, the share of channels away from their place, and
        ``distance``, 0 for the identity and about 1 for a random order.
    """
    shifts = np.abs(np.array(order) - np.arange(len(order)))
    # Mean shift of a channel in a random order; one channel cannot move.
    random = (block**2 - 1) / (3 * block)
    distance = shifts.mean() / random if random else 0.0
    return dict(moved=float((shifts > 0).mean()), distance=float(distance))


def look(
    history: dict[str, dict], routers: dict[str, ChannelRouter], iteration: int
) -> bool:
    """Add the orders of this iteration to a history, in place.

    Args:
        history: Record per router, empty at first.
        routers: Those of :func:`mmseg_cube.layers.learned_routers`.
        iteration: Number of iterations done.

    Returns:
        Whether anything was added; a second look at one iteration adds
        nothing.
    """
    added = False
    for name, router in routers.items():
        order = router.permutation().tolist()
        grouped = router.method == 'sinkhorn'
        kind = dict(
            method=router.method,
            channels=router.channels,
            block=router.group_size if grouped else router.channels,
        )
        record = history.get(name)
        # A router of another kind than in a resumed history starts anew.
        if record is None or not kind.items() <= record.items():
            looks = {key: [] for key in SERIES}
            record = history[name] = dict(kind, order=order, looks=looks)
        if iteration in record['looks']['iteration']:
            continue
        entry = dict(
            measure(order, record['block']),
            iteration=iteration,
            changed=int((np.array(order) != record['order']).sum()),
        )
        for key in SERIES:
            record['looks'][key].append(entry[key])
        record['order'] = order
        added = True
    return added


def frozen_since(record: dict) -> int | None:
    """Iteration of the look that saw the last change, or else of the first.

    One look alone cannot tell.
    """
    looks = record['looks']
    if len(looks['iteration']) < 2:
        return None
    changes = np.flatnonzero(looks['changed'])
    return looks['iteration'][changes[-1] if len(changes) else 0]


def summarise(history: dict[str, dict]) -> dict[str, dict]:
    """Describe the last order of every router.

    Args:
        history: Record per router.

    Returns:
        ``method``, ``channels``, ``block``, ``moved``, ``distance`` and
        ``frozen_since`` per router.
    """
    return {
        name: dict(
            {key: record[key] for key in ('method', 'channels', 'block')},
            **measure(record['order'], record['block']),
            frozen_since=frozen_since(record),
        )
        for name, record in history.items()
    }


def write_report(
    history: dict[str, dict], summary: dict[str, dict], folder: Path
) -> list[Path]:
    """Write ``router_report.json`` and ``router_report.png``.

    Args:
        history: Record per router.
        summary: What :func:`summarise` says, and more where there is more.
        folder: Where to; made if missing.

    Returns:
        Paths of both files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    routers = {
        name: dict(summary[name], order=record['order'], looks=record['looks'])
        for name, record in history.items()
    }
    paths = [folder / 'router_report.json', folder / 'router_report.png']
    write_json(paths[0], dict(routers=routers))
    save_figure(draw_history(history), paths[1])
    return paths


def draw_history(history: dict[str, dict]) -> Figure:
    """Draw distance and changes over iterations, and the last orders.

    The orders are permutation matrices, output channels downwards, framed in
    the colour of the router's curves. If no router was looked at twice, there
    are no curves.
    """
    from matplotlib import colormaps

    colours = colormaps['turbo'](np.linspace(0.05, 0.95, len(history)))
    times = max(len(r['looks']['iteration']) for r in history.values())
    rows = -(-len(history) // COLUMNS)
    heights = [2] * (times > 1) + [1] * rows
    figure, grid = new_figure(
        len(heights),
        COLUMNS,
        (PANEL * COLUMNS, PANEL * sum(heights)),
        gridspec_kw=dict(height_ratios=heights),
    )
    places = iter(grid[-rows:].flat)
    for (name, record), colour in zip(history.items(), colours, strict=False):
        _draw_order(next(places), name, record, colour)
    for place in [*places, *grid[:-rows].flat]:
        place.remove()
    if times > 1:
        cells = grid[0, 0].get_gridspec()
        left = figure.add_subplot(cells[0, : COLUMNS // 2])
        right = figure.add_subplot(cells[0, COLUMNS // 2 :])
        left.set(xlabel='iteration', ylabel='distance from the identity')
        right.set(xlabel='iteration', ylabel='share changed since last look')
        for record, colour in zip(history.values(), colours, strict=True):
            looks = record['looks']
            share = np.array(looks['changed']) / record['channels']
            style = dict(color=colour, marker='.')
            plain(left).plot(looks['iteration'], looks['distance'], **style)
            plain(right).plot(looks['iteration'], share, **style)
    return figure


def _draw_order(
    axes: Axes, name: str, record: dict, colour: np.ndarray
) -> None:
    """Draw a permutation matrix that is legible at any size.

    Blocks are laid over each other and long orders are pooled: the darker a
    cell, the more channels.
    """
    block = record['block']
    outputs = np.arange(record['channels']) % block
    inputs = np.array(record['order']) % block
    edges = np.linspace(-0.5, block - 0.5, min(block, CELLS) + 1)
    counts = np.histogram2d(outputs, inputs, (edges, edges))[0]
    axes.imshow(counts, cmap='Greys', vmin=0)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color=colour, linewidth=2)
    title = layer_name(name)
    if len(title) > LETTERS:
        title = f'...{title[3 - LETTERS :]}'
    axes.set_title(title, fontsize=7)
