"""Report of an ablation: ablation.md, ablation.json and ablation.png."""

import contextlib
import json
from collections.abc import Sequence
from itertools import chain

import numpy as np
from matplotlib.figure import Figure

from mmseg_cube.analysis.ablation.results import (
    CONFIDENCE,
    COSTS,
    LOSSES,
    SEGMENTS,
    SPLITS,
    Compared,
    Quantity,
    Result,
    compare,
)
from mmseg_cube.analysis.ablation.study import Study
from mmseg_cube.analysis.report import write_report as write_files
from mmseg_cube.utils.figures import new_figure, plain
from mmseg_cube.utils.tables import Table

FACTS = 'config', 'iterations', 'batch', 'crop', 'data', 'images'


def write_report(study: Study) -> str | None:
    """Write what is known from the runs that are finished.

    Returns a line about it; None, and writes nothing, if there are none.
    """
    # Every variant in its place.
    results = {run.variant: {} for run in study.runs}
    for run in study.runs:
        if run.result.exists():
            text = run.result.read_text(encoding='utf-8')
            results[run.variant][run.seed] = json.loads(text)
    finished = [r for found in results.values() for r in found.values()]
    if not finished:
        return None
    compared = compare(study, results)
    done = f'{len(finished)} of {len(study.runs)} runs finished'
    protocol = [f'{done}.', *describe_protocol(finished, study.score)]
    numbers = dict(reference=study.reference, score=study.score)
    numbers |= dict(protocol=protocol, variants=compared, runs=results)
    texts = [
        '# Ablation',
        '\n'.join(f'* {line}' for line in protocol),
        '![differences and losses](ablation.png)',
    ]
    table, figure = tabulate(compared, study), draw(compared, study)
    figures = dict(ablation=figure)
    write_files(study.root, 'ablation', numbers, [table], texts, figures)
    return f'{done}; {study.root / "ablation.md"}'


def describe_protocol(finished: Sequence[Result], score: str) -> list[str]:
    """Say how the runs were made, and what limits their comparison."""
    known = [{key: x[key] for key in FACTS} | x['machine'] for x in finished]
    facts = {
        key: dict.fromkeys(str(x[key]) for x in known if key in x)
        for key in chain(*known)
    }
    drawn = dict.fromkeys((x['seed'], x['digest']) for x in finished)
    seeds = [f'seed {seed}' for seed, _ in drawn]
    apart = [seed for seed in dict.fromkeys(seeds) if seeds.count(seed) > 1]
    return [
        # What differs is named side by side.
        ', '.join(f'{key} {" / ".join(x)}' for key, x in facts.items()),
        f'Scores are {score} of buildings in percent, at the last iteration. '
        'Choices are to be made on val; test is for what was chosen there.',
        '± is the standard deviation over seeds, [ ] the interval of '
        "Student's t distribution for the mean of the paired differences.",
        'By their checksums, the runs of a seed had the same crops in the '
        f'same order. Except: {", ".join(apart) or "none"}.',
        f'Loss is that of the last {100 / SEGMENTS:g} % of the training, with '
        'the mean paired difference. FLOPs are those of one crop. Seconds per '
        'iteration are medians of the training itself, whatever else ran; '
        'ratios are medians over seeds.',
    ]


def tabulate(compared: Compared, study: Study) -> Table:
    """Lay out the variants as a table."""
    # By head: which quantity is shown, and how.
    columns = {'Seeds': ('Params (M)', ['{seeds}'])}
    for split in SPLITS:
        gain = f'{split} − {study.reference} [{100 * CONFIDENCE:g} %]'
        columns |= {
            f'{split} {study.score}': (split, ['{mean:.2f}', ' ± {sd:.2f}']),
            gain: (split, ['{gain:+.2f}', ' [{low:+.2f}, {high:+.2f}]']),
        }
    columns['Loss'] = 'loss', ['{mean:.3f}', ' ({gain:+.3f})']
    for name in COSTS:
        columns[name] = name, ['{mean:.3f}', ' ({percent:.1f} %)']
    rows = []
    for variant, found in compared.items():
        cells = [_show(found[name], form) for name, form in columns.values()]
        rows.append([f'`{variant}`', *cells])
    return Table(['Variant', *columns], rows)


def draw(compared: Compared, study: Study) -> Figure:
    """Draw differences of scores by split, and losses over the training."""
    heights = 1 + 0.3 * len(compared), 4.5
    size = 11, 1 + sum(heights)
    figure, grid = new_figure(2, 2, size, height_ratios=heights)
    places, names = range(len(compared)), list(compared)
    for axis, split in zip(grid[0], SPLITS, strict=True):
        gain, *ends = (
            [found[split].get(key, np.nan) for found in compared.values()]
            for key in ('gain', 'low', 'high')
        )
        plain(axis).plot(gain, places, 'o')
        axis.hlines(places, *ends)
        axis.axvline(0, lw=1, color='black')
        axis.set_yticks(places, names)
        axis.tick_params(labelleft=split == 'val')
        axis.set_ylim(len(names) - 0.5, -0.5)  # read from the top
        axis.set_title(
            f'{split} {study.score} minus that of {study.reference}'
        )
    for axis, key in zip(grid[1], ('mean', 'gain'), strict=True):
        for i, name in enumerate(names):
            # Colours start again after ten; lines change then.
            style = dict(ls='-' if i < 10 else '--', marker='.')
            style['label'] = name if key == 'mean' else None
            losses = [compared[name][x].get(key, np.nan) for x in LOSSES]
            plain(axis).plot(range(1, SEGMENTS + 1), losses, **style)
        axis.set_xlabel('tenth of the training')
    grid[1, 0].set_title('Mean loss over seeds')
    grid[1, 1].set_title(f'Loss minus {study.reference}')
    figure.legend(loc='outside lower left', ncols=2, fontsize=9)
    return figure


def _show(quantity: Quantity, forms: Sequence[str]) -> str:
    """Show what is known, up to the first thing that is not."""
    text = ''
    with contextlib.suppress(KeyError):
        for form in forms:
            text += form.format(**quantity)
    return text or '–'
