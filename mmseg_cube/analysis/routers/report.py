"""Report of the channel orders that routers learn, and of when they froze.

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

import json
from pathlib import Path

import numpy as np
import torch

from mmseg_cube.analysis.routers.drawing import draw_report
from mmseg_cube.layers import ChannelRouter
from mmseg_cube.layers import learned_routers as learned_routers  # moved

SERIES = ('iteration', 'moved', 'distance', 'changed')


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
        routers: Those of :func:`learned_routers`.
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


@torch.no_grad()
def relaxation_gap(router: ChannelRouter) -> float:
    """Largest difference between the relaxation and the permutation.

    Args:
        router: A learned router at the temperature that counts.

    Returns:
        Between 0, where the relaxation is the permutation, and 1.
    """
    relaxed = router.relaxed()
    blocks, size = relaxed.shape[:2]
    inputs = router.permutation().view(blocks, size, 1) % size
    hard = torch.zeros_like(relaxed).scatter_(2, inputs, 1.0)
    return (relaxed - hard).abs().max().item()


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
    parts = [path.with_name(f'.{path.name}.part') for path in paths]
    parts[0].write_text(json.dumps(dict(routers=routers)))
    draw_report(history).savefig(parts[1], format='png', dpi=120)
    for part, path in zip(parts, paths, strict=True):
        part.replace(path)
    return paths
