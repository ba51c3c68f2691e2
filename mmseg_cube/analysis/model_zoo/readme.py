"""The table of a family in its README.md; the text around it is by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmseg_cube.analysis.complexity.count import Complexity
from mmseg_cube.analysis.complexity.twins import Comparison
from mmseg_cube.analysis.model_zoo.metafile import MADE_BY

START = f'<!-- table: made by {MADE_BY} -->'
END = '<!-- end of table -->'
NOTE = (
    'Counted by `tools/analysis_tools/complexity.py`: two operations per '
    'multiplication and addition, routers and masks included.'
)
TABLE_SIZE = 512  # side of the image in all tables, in pixels
# Keys of Metrics in an entry's Results, and the columns they fill.
METRICS = {
    'building/IoU': 'IoU',
    'building/F1': 'F1',
    'building/Precision': 'P',
    'building/Recall': 'R',
    'Seeds': 'seeds',
}


def check_readme(path: Path) -> None:
    """Check that a README is there, with a place for the table.

    Raises:
        ValueError: If not, with what to add.
    """
    if not path.is_file():
        raise ValueError(
            f'{path} is missing: say there what the family is and how to '
            f'train and test one, and mark the place of the table by the '
            f'lines {START} and {END}'
        )
    _, start, rest = path.read_text(encoding='utf-8').partition(START)
    if not start or END not in rest:
        raise ValueError(
            f'{path} has no place for the table: add the lines {START} and '
            f'{END}'
        )


def render_readme(path: Path, table: str) -> str:
    """Text of a checked README with the table in its place."""
    before, _, rest = path.read_text(encoding='utf-8').partition(START)
    after = rest.partition(END)[2]
    return f'{before}{START}\n\n{table}\n\n{NOTE}\n\n{END}{after}'


def make_table(
    members: Sequence[Comparison],
    sizes: Mapping[Path, Complexity],
    entries: Sequence[dict],
) -> str:
    """Make the table of a family.

    Args:
        members: Configs and their baselines.
        sizes: Sizes by config, at ``TABLE_SIZE``.
        entries: Entries of metafile.yml, one for each of the members.

    Returns:
        A table in Markdown, with scores only if there are any.
    """
    size = f'{TABLE_SIZE} x {TABLE_SIZE}'
    head = ['Config', 'Params (M)', f'FLOPs (G at {size})', 'saved params',
            'saved FLOPs']  # fmt: skip
    scores = [result_cells(entry) for entry in entries]
    columns = list(METRICS.values()) if any(scores) else []
    rows = [[*head, *columns], ['---', *['---:'] * len([*head[1:], *columns])]]
    for (config, baseline), score in zip(members, scores, strict=True):
        own, saved = sizes[config], ['', '']
        if baseline is not None:
            saved = [f'{x:.1f} %' for x in own.saving(sizes[baseline])]
        rows.append(
            [
                f'[{config.stem}]({config.name})',
                f'{own.parameters / 1e6:.2f}',
                f'{own.flops / 1e9:.2f}',
                *saved,
                *(score.get(column, '') for column in columns),
            ]
        )
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def result_cells(entry: dict) -> dict[str, str]:
    """Scores of an entry by column; empty without results.

    Raises:
        ValueError: If there are results, but none that is known.
    """
    if not entry.get('Results'):
        return {}
    try:
        metrics = entry['Results'][0]['Metrics']
        found = {
            column: str(metrics[key])
            for key, column in METRICS.items()
            if key in metrics
        }
    except (KeyError, TypeError, IndexError):
        found = {}
    if not found:
        raise ValueError(
            f'{entry["Name"]}: its Results must be a list of Task, Dataset '
            f'and Metrics, with Metrics among {", ".join(METRICS)}'
        )
    return found
