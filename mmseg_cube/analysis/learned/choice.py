"""Which tiles are drawn."""

from collections.abc import Mapping, Sequence

from mmseg_cube.evaluation.confusion import Confusion


def iou_of(counts: Confusion) -> float | None:
    """IoU in percent; None where there is neither building nor prediction."""
    if not counts.tp + counts.fp + counts.fn:
        return None
    return counts.scores()['IoU']


def choose_tiles(
    scores: Sequence[Mapping[str, Confusion]], count: int
) -> dict[str, str]:
    """Choose tiles by a fixed rule.

    In this order, each tile once, until there are enough: the one with the
    largest difference in IoU between the networks, and the worst, the median
    and the best one of the first network; then those with the next largest
    differences. With one network: the worst, the median and the best one,
    then the next worst ones. Tiles without true buildings are left out, since
    their IoU is 0 or nothing. Ties are broken by name, and of an even number
    the lower one of the middle is the median.

    Args:
        scores: Counts by name of tile, of the first network and of the other
            one if there is one.
        count: Number of tiles.

    Returns:
        Why they were chosen, by name, in this order.

    Raises:
        ValueError: If no tile has a building.
    """
    first, *others = scores
    iou = {n: iou_of(c) for n, c in first.items() if c.tp + c.fn}
    if not iou:
        raise ValueError(
            f'none of {len(first)} tiles has a building, so none can be '
            'chosen by IoU; name some by --images'
        )
    ranked = sorted(iou, key=lambda name: (iou[name], name))
    rule = [
        (ranked[0], 'worst'),
        (ranked[(len(ranked) - 1) // 2], 'median'),
        (ranked[-1], 'best'),
    ]
    if not others:
        rule += [(name, 'next worst') for name in ranked[1:]]
    for second in others:
        gaps = {name: abs(iou[name] - iou_of(second[name])) for name in iou}
        apart = sorted(iou, key=lambda name: (-gaps[name], name))
        rule.insert(0, (apart[0], 'largest difference'))
        rule += [(name, 'next largest difference') for name in apart[1:]]
    chosen: dict[str, str] = {}
    for name, why in rule:
        chosen.setdefault(name, why)
    return dict(list(chosen.items())[:count])
