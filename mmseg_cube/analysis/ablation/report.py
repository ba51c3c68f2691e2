"""Report of an ablation: ablation.md, ablation.json and two charts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from mmseg_cube.analysis.ablation.chart import draw_differences
from mmseg_cube.analysis.ablation.loss_chart import draw_losses
from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.rows import Row, compare, read_results
from mmseg_cube.analysis.ablation.scores import IOU, SPLITS
from mmseg_cube.analysis.ablation.statistics import Estimate
from mmseg_cube.analysis.ablation.text import describe_protocol, tabulate
from mmseg_cube.utils.whole_files import write_text_whole, write_whole

REPORT, NUMBERS, CHART = 'ablation.md', 'ablation.json', 'ablation.png'
LOSS_CHART = 'ablation_loss.png'


def write_report(
    runs: Sequence[Run],
    reference: str,
    confidence: float,
    out: Path,
    score: str = IOU,
) -> int:
    """Write what is known from the runs that are finished.

    Args:
        runs: All runs of the study.
        reference: Variant to compare with.
        confidence: Share of the intervals that cover the true difference.
        out: Folder.
        score: Name of the score to compare.

    Returns:
        Number of finished runs; without any, nothing is written.
    """
    results = read_results(runs)
    finished = sum(map(len, results.values()))
    if not finished:
        return 0
    rows = compare(results, reference, confidence, score)
    protocol = describe_protocol(results, len(runs), score)
    parts = [
        '# Ablation',
        '\n'.join(f'* {line}' for line in protocol),
        tabulate(rows, reference, confidence, score),
    ]
    panels = _panels(rows, reference)
    if panels:
        draw = partial(draw_differences, panels, reference, confidence, score)
        write_whole(out / CHART, draw)
        parts.append(f'![Paired differences to {reference}]({CHART})')
    if any(row.losses for row in rows):
        draw = partial(draw_losses, rows, reference)
        write_whole(out / LOSS_CHART, draw)
        parts.append(f'![Losses over the training]({LOSS_CHART})')
    numbers = dict(
        reference=reference,
        confidence=confidence,
        score=score,
        protocol=protocol,
        variants=[_to_dict(row) for row in rows],
    )
    write_text_whole(out / REPORT, '\n\n'.join(parts) + '\n')
    write_text_whole(out / NUMBERS, json.dumps(numbers, indent=1) + '\n')
    return finished


def _panels(
    rows: Sequence[Row], reference: str
) -> dict[str, dict[str, Estimate | None]]:
    """Differences by split and variant, for splits that have some."""
    others = [row for row in rows if row.variant != reference]
    return {
        split: {row.variant: row.gains[split] for row in others}
        for split in SPLITS
        if any(row.gains[split] for row in others)
    }


def _to_dict(row: Row) -> dict:
    return dict(
        variant=row.variant,
        scores={k: v and asdict(v) for k, v in row.scores.items()},
        gains={k: v and asdict(v) for k, v in row.gains.items()},
        losses=[asdict(loss) for loss in row.losses],
        loss_gains=[asdict(gain) for gain in row.loss_gains],
        seconds_ratio=row.seconds_ratio,
        runs=list(row.results.values()),
    )
