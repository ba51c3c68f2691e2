"""What the report of an ablation says in words and as a table."""

from collections.abc import Sequence

from mmseg_cube.analysis.ablation.losses import PARTS
from mmseg_cube.analysis.ablation.rows import Results, Row
from mmseg_cube.analysis.ablation.scores import SCORES, SPLITS
from mmseg_cube.analysis.ablation.statistics import Estimate

NOTHING = '–'


def describe_protocol(results: Results, planned: int, score: str) -> list[str]:
    """Say how the runs were made, and what limits their comparison.

    Args:
        results: Results by variant and seed; at least one.
        planned: Number of runs of the study.
        score: Name of the score.

    Returns:
        Sentences for a list.
    """
    finished = [r for found in results.values() for r in found.values()]
    crops = [dict(r, crop=' x '.join(map(str, r['crop']))) for r in finished]
    seeds = sorted({r['seed'] for r in finished})
    return [
        f'Config {_all(crops, "config")}: {_all(crops, "iterations")} '
        f'iterations of {_all(crops, "batch")} crops of {_all(crops, "crop")} '
        f'from {_all(crops, "images")} images of {_all(crops, "data")}. The '
        f'weights of the last iteration are scored: {SCORES[score].text}.',
        f'{len(finished)} of {planned} runs are finished, with seeds '
        f'{", ".join(map(str, seeds))}. ± is the standard deviation over '
        "seeds, [ ] the interval of Student's t distribution for the mean "
        'of the paired differences.',
        _describe_crops(results),
        f'Loss is that of the last {100 / PARTS:g} % of the training, with '
        'the mean paired difference.',
        f'Hardware: {_machines(finished)}. Seconds per iteration are medians '
        'of the training itself, whatever else ran; their ratios are medians '
        f'over seeds. FLOPs are those of one image of {_all(crops, "crop")}.',
        f'Versions: {_versions(finished)}.',
        'Choices are to be made on val; test is for what was chosen there.',
    ]


def tabulate(
    rows: Sequence[Row], reference: str, confidence: float, score: str
) -> str:
    """Lay out the variants as a table in markdown."""
    head = ['Variant', 'Seeds']
    for split in SPLITS:
        gain = f'{split} − {reference} [{100 * confidence:g} %]'
        head += [f'{split} {score}', gain]
    head += ['Loss', 'Params (M)', 'FLOPs (G)', 's / iteration']
    lines = [head, ['---', *['---:'] * len(head[1:])]]
    base = next(row for row in rows if row.variant == reference)
    for row in rows:
        line = [f'`{row.variant}`', str(len(row.results))]
        for split in SPLITS:
            line += [_score(row.scores[split]), _gain(row.gains[split])]
        line += [
            _loss(row),
            _size(row, base, 'parameters', 1e6),
            _size(row, base, 'flops', 1e9),
            _seconds(row, base),
        ]
        lines.append(line)
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


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
    text = (
        'By their checksums, all runs of a seed were trained with the same '
        'crops in the same order'
    )
    if apart:
        text += f', except those of seed {", ".join(apart)}'
    if resumed:
        text += (
            '. These were interrupted and went on, some with other '
            f'augmentations: {"; ".join(resumed)}'
        )
    return f'{text}.'


def _score(score: Estimate | None) -> str:
    if score is None:
        return NOTHING
    spread = NOTHING if score.sd is None else f'{score.sd:.2f}'
    return f'{score.mean:.2f} ± {spread}'


def _gain(gain: Estimate | None) -> str:
    if gain is None:
        return NOTHING
    ends = NOTHING
    if gain.interval is not None:
        ends = ', '.join(f'{end:+.2f}' for end in gain.interval)
    return f'{gain.mean:+.2f} [{ends}]'


def _loss(row: Row) -> str:
    if not row.losses:
        return NOTHING
    text = f'{row.losses[-1].mean:.3f}'
    if not row.loss_gains:
        return text
    return f'{text} ({row.loss_gains[-1].mean:+.3f})'


def _size(row: Row, base: Row, key: str, unit: float) -> str:
    own, other = row.size(key), base.size(key)
    if own is None:
        return NOTHING
    text = f'{own / unit:.3f}'
    if row is base or other is None:
        return text
    return f'{text} ({100 * own / other:.1f} %)'


def _seconds(row: Row, base: Row) -> str:
    if row.seconds is None:
        return NOTHING
    text = f'{row.seconds.mean:.3f}'
    if row is base or row.seconds_ratio is None:
        return text
    return f'{text} (x {row.seconds_ratio:.2f})'


def _all(results: Sequence[dict], key: str) -> str:
    """Values in all results, each once."""
    return _join(str(r[key]) for r in results)


def _machines(results: Sequence[dict]) -> str:
    names = []
    for result in results:
        machine = result['machine']
        threads = machine.get('threads')
        plural = 's' * (threads != 1)
        names.append(
            machine['device']
            if threads is None
            else f'{machine["device"]} ({threads} thread{plural} per run)'
        )
    return _join(names)


def _versions(results: Sequence[dict]) -> str:
    found = {}
    for result in results:
        machine = result['machine']
        names = dict(python=machine['python'], torch=machine['torch'])
        for name, version in (names | result['versions']).items():
            found.setdefault(name, []).append(version)
    return ', '.join(f'{name} {_join(v)}' for name, v in found.items())


def _join(texts) -> str:
    return ' / '.join(dict.fromkeys(texts))
