"""Report of an ablation: ablation.md, ablation.json and two charts."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from mmseg_cube.analysis.ablation.charts import draw_differences, draw_losses
from mmseg_cube.analysis.ablation.results import (
    CONFIDENCE,
    COSTS,
    SEGMENTS,
    Quantity,
    Result,
    Results,
    Row,
    compare,
    read_results,
)
from mmseg_cube.analysis.ablation.scores import SCORES, SPLITS
from mmseg_cube.analysis.ablation.study import Study
from mmseg_cube.utils.report import write_report as write_files
from mmseg_cube.utils.tables import Table

NAME = 'ablation'
UNKNOWN = '–'


def write_report(study: Study) -> str | None:
    """Write what is known from the runs that are finished.

    Returns:
        A line about it; None, and nothing is written, if no run is finished.
    """
    results = read_results(study)
    finished = sum(map(len, results.values()))
    if not finished:
        return None
    rows = compare(study, results)
    protocol = describe_protocol(study, results)
    figures = {
        NAME: draw_differences(rows, study),
        f'{NAME}_loss': draw_losses(rows, study),
    }
    figures = {stem: figure for stem, figure in figures.items() if figure}
    texts = [
        '# Ablation',
        '\n'.join(f'* {line}' for line in protocol),
        tabulate(rows, study).markdown(),
        *(f'![{stem}]({stem}.png)' for stem in figures),
    ]
    numbers = dict(
        reference=study.reference,
        confidence=CONFIDENCE,
        score=study.score,
        protocol=protocol,
        variants=list(map(asdict, rows)),
    )
    write_files(study.root, NAME, numbers, texts=texts, figures=figures)
    total, page = len(study.runs), study.root / f'{NAME}.md'
    return f'{finished} of {total} runs finished; {page}'


def describe_protocol(study: Study, results: Results) -> list[str]:
    """Say how the runs were made, and what limits their comparison."""
    finished = [r for found in results.values() for r in found.values()]

    def all_of(key: str) -> str:
        return _join(str(result[key]) for result in finished)

    crop = _join(' x '.join(map(str, result['crop'])) for result in finished)
    seeds = ', '.join(map(str, sorted({r['seed'] for r in finished})))
    return [
        f'Config {all_of("config")}: {all_of("iterations")} iterations of '
        f'{all_of("batch")} crops of {crop} from {all_of("images")} images '
        f'of {all_of("data")}. The weights of the last iteration are scored: '
        f'{SCORES[study.score][1]}.',
        f'{len(finished)} of {len(study.runs)} runs are finished, with seeds '
        f'{seeds}. ± is the standard deviation over seeds, [ ] the interval '
        "of Student's t distribution for the mean of the paired differences.",
        _describe_crops(results),
        f'Loss is that of the last {100 / SEGMENTS:g} % of the training, with '
        'the mean paired difference.',
        'Seconds per iteration are medians of the training itself, whatever '
        'else ran; their ratios are medians over seeds. FLOPs are those of '
        f'one image of {crop}.',
        f'Hardware and versions: {_describe_machines(finished)}.',
        'Choices are to be made on val; test is for what was chosen there.',
    ]


def tabulate(rows: Sequence[Row], study: Study) -> Table:
    """Lay out the variants as a table."""
    head = ['Variant', 'Seeds']
    for split in SPLITS:
        gain = f'{split} − {study.reference} [{100 * CONFIDENCE:g} %]'
        head += [f'{split} {study.score}', gain]
    head += ['Loss', 'Params (M)', 'FLOPs (G)', 's / iteration']
    cells = []
    for row in rows:
        line = [f'`{row.variant}`', str(len(row.runs))]
        for quantity in row.scores.values():
            line += [_show_mean(quantity), _show_gain(quantity)]
        line.append(_show_loss(row.losses))
        for name, unit in zip(COSTS, (1e6, 1e9, 1), strict=True):
            line.append(_show_cost(row.costs[name], unit))
        cells.append(line)
    return Table(head, cells)


def _describe_crops(results: Results) -> str:
    """Say whether the runs of a seed had the same crops."""
    digests, resumed = {}, []
    for variant, found in results.items():
        for seed, result in found.items():
            digests.setdefault(seed, set()).add(result['digest'])
            if result['resumed']:
                at = ', '.join(map(str, result['resumed']))
                resumed.append(f'{variant} with seed {seed} (at {at})')
    apart = [str(seed) for seed, found in digests.items() if len(found) > 1]
    return (
        'By their checksums, all runs of a seed were trained with the same '
        'crops in the same order'
        + (f', except those of seed {", ".join(apart)}' if apart else '')
        + '. Interrupted, and continued with other augmentations: '
        + ('; '.join(resumed) or 'none')
        + '.'
    )


def _show_mean(score: Quantity) -> str:
    if score.mean is None:
        return UNKNOWN
    sd = score.mean.sd
    spread = UNKNOWN if sd is None else f'{sd:.2f}'
    return f'{score.mean.mean:.2f} ± {spread}'


def _show_gain(score: Quantity) -> str:
    if score.gain is None:
        return UNKNOWN
    mean, half = score.gain.mean, score.gain.half
    if half is None:
        return f'{mean:+.2f} [{UNKNOWN}]'
    return f'{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]'


def _show_loss(losses: Sequence[Quantity]) -> str:
    known = [loss for loss in losses if loss.mean]
    if not known:
        return UNKNOWN
    mean, gain = known[-1].mean, known[-1].gain
    return f'{mean.mean:.3f}' + (f' ({gain.mean:+.3f})' if gain else '')


def _show_cost(cost: Quantity, unit: float) -> str:
    if cost.mean is None:
        return UNKNOWN
    text = f'{cost.mean.mean / unit:.3f}'
    return f'{text} ({100 * cost.ratio:.1f} %)' if cost.ratio else text


def _describe_machines(results: Sequence[Result]) -> str:
    found = {}
    for result in results:
        for name, value in (result['machine'] | result['versions']).items():
            found.setdefault(name, []).append(str(value))
    return ', '.join(f'{name} {_join(x)}' for name, x in found.items())


def _join(texts: Iterable[str]) -> str:
    """Join texts that differ, each once."""
    return ' / '.join(dict.fromkeys(texts))
