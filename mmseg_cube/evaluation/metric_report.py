"""Files of an evaluation: metrics.json, curve.json and pictures of both."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from mmseg_cube.utils.whole_files import write_text_whole, write_whole

from .confusion import Confusion
from .metric_charts import draw_curve, draw_groups


def write_metrics(folder: Path, content: Mapping) -> None:
    """Write ``metrics.json`` and, of groups, ``groups.png``.

    Args:
        folder: Where to write.
        content: What the file holds; the scores of all images are in
            ``overall.scores``, those of groups in ``groups.<name>.scores``.
    """
    _write_json(folder / 'metrics.json', content)
    groups = {
        name: entry['scores'] for name, entry in content['groups'].items()
    }
    if groups:
        groups['all'] = content['overall']['scores']
        write_whole(folder / 'groups.png', partial(draw_groups, groups))


def write_curve(
    folder: Path,
    summary: Mapping,
    thresholds: Sequence[float],
    points: Sequence[Confusion],
) -> None:
    """Write ``curve.json`` and ``curve.png``.

    Args:
        folder: Where to write.
        summary: What the file holds besides the points; needs
            ``average_precision`` and ``best``.
        thresholds: Thresholds of the building probability.
        points: Counts at the thresholds.
    """
    rows = [
        dict(threshold=threshold, **asdict(point), **point.scores())
        for threshold, point in zip(thresholds, points, strict=True)
    ]
    _write_json(folder / 'curve.json', dict(**summary, points=rows))
    draw = partial(
        draw_curve, rows, summary['average_precision'], summary['best']
    )
    write_whole(folder / 'curve.png', draw)


def _write_json(path: Path, content: Mapping) -> None:
    write_text_whole(path, json.dumps(content, indent=2) + '\n')
