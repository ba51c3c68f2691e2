"""History of the channel orders that routers learn, and its report.

The distance of an order from the identity is Spearman's footrule, the sum of
all displacements, over its mean for random orders within the same blocks:
(g^2 - 1) / 3 for g channels (Diaconis and Graham, J. R. Stat. Soc. B 39,
1977). 0 is the identity, about 1 a random order and 1.5 a reversed one.

A history holds one record per router: ``method``, ``channels``, ``block``
(channels per block), the last ``order`` with its ``distance`` and the share
``moved`` of channels away from their place, and ``looks``, which lists for
every look the ``iteration``, ``moved``, ``distance``, and how many places
``changed`` since the look before. Plain lists and numbers, so that
checkpoints and JSON can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mmseg_cube.layers import ChannelRouter, layer_name
from mmseg_cube.utils.figures import new_panels, save_figure
from mmseg_cube.utils.whole_files import write_json
from mmseg_cube.utils.words import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Under this name checkpoints keep the history, so that it can be resumed.
HISTORY = 'router_report'
CELLS = 64  # most rows of a drawn matrix
COLUMNS = 6  # panels side by side
PANEL = 2.4  # inches
LETTERS = 32  # that fit over a panel


def measure(order: list[int], block: int) -> dict[str, float]:
    """``moved`` and ``distance`` of an order that stays within blocks."""
    shifts = np.abs(np.array(order) - np.arange(len(order)))
    # Mean shift of a channel in a random order; one channel cannot move.
    random = (block**2 - 1) / (3 * block)
    distance = shifts.mean() / random if random else 0.0
    return dict(moved=float((shifts > 0).mean()), distance=float(distance))


def describe(router: ChannelRouter) -> dict[str, object]:
    """What a record says of the order that a router has now."""
    order, block = router.permutation().tolist(), router.channels
    if router.method == 'sinkhorn':
        block = router.group_size
    record = dict(method=router.method, channels=router.channels)
    return record | dict(block=block, order=order, **measure(order, block))


def look(
    history: dict[str, dict], routers: dict[str, ChannelRouter], iteration: int
) -> bool:
    """Add the orders of this iteration to a history, if they are not in it.

    Returns whether anything was added.
    """
    added = False
    for name, router in routers.items():
        found = describe(router)
        looks = dict(iteration=[], moved=[], distance=[], changed=[])
        record = history.setdefault(name, found | dict(looks=looks))
        pairs = zip(found['order'], record['order'], strict=False)
        changed = sum(now != before for now, before in pairs)
        record.update(found)
        if iteration not in record['looks']['iteration']:
            found.update(iteration=iteration, changed=changed)
            for key, values in record['looks'].items():
                values.append(found[key])
            added = True
    return added


def write_report(
    history: Mapping[str, Mapping], folder: Path
) -> dict[str, dict]:
    """Write ``router_report.json`` and ``router_report.png``.

    Returned are the records with ``frozen_since``, the iteration of the look
    that saw the last change of the order, or else of the first; one look
    alone cannot tell.
    """
    routers = {}
    for name, record in history.items():
        times = record['looks']['iteration']
        changes = np.flatnonzero(record['looks']['changed'])
        last = changes[-1] if len(changes) else 0
        frozen = times[last] if len(times) > 1 else None
        routers[name] = dict(record, frozen_since=frozen)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / 'router_report.json', dict(routers=routers))
    save_figure(draw_history(history), folder / 'router_report.png')
    return routers


def draw_history(history: Mapping[str, Mapping]) -> Figure:
    """Draw distance and changes over the training, and the last orders.

    The names of the orders have the colours of the curves.
    """
    matrices = {
        layer_name(name): order_blocks(record['order'], record['block'])
        for name, record in history.items()
    }
    figure, (left, right, *orders) = draw_orders(matrices, charts=2)
    left.set_title('distance from the identity', fontsize=7)
    right.set_title('share changed since the last look', fontsize=7)
    for axes, record in zip(orders, history.values(), strict=True):
        looks = record['looks']
        share = np.array(looks['changed']) / record['channels']
        (line,) = left.plot(looks['iteration'], looks['distance'], marker='.')
        right.plot(looks['iteration'], share, marker='.')
        axes.title.set_color(line.get_color())
    return figure


def order_blocks(order: list[int], block: int) -> np.ndarray:
    """Permutation matrices (B, g, g) of an order that stays within blocks."""
    blocks = np.eye(block, dtype=np.float32)[np.array(order) % block]
    return blocks.reshape(-1, block, block)


def draw_orders(
    matrices: Mapping[str, np.ndarray], charts: int = 0
) -> tuple[Figure, np.ndarray]:
    """Draw orders as matrices, positions downwards, inputs to the right.

    Their blocks (B, g, g) are laid over each other and long ones are pooled:
    the darker a cell, the more channels. Returned with all panels, in front
    of which as many are free as there will be charts.
    """
    count = charts + len(matrices)
    figure, panels = new_panels(count, COLUMNS, PANEL, PANEL)
    drawn = zip(panels[charts:], matrices.items(), strict=True)
    for axes, (name, blocks) in drawn:
        size = (min(blocks.shape[1], CELLS),) * 2
        how = cv2.INTER_AREA
        picture = cv2.resize(blocks.mean(0), size, interpolation=how)
        axes.imshow(picture, cmap='Greys', vmin=0)
        axes.set(xticks=[], yticks=[])
        axes.set_title(cut(name, LETTERS), fontsize=7)
    return figure, panels
