"""Tables of scores for the log."""

from collections.abc import Mapping

from prettytable import PrettyTable

from .confusion import Confusion

CLASSES_SHOWN = ('IoU', 'F1', 'Precision', 'Recall')
# The columns of Inria's authors come first.
GROUPS_SHOWN = (
    'IoU',
    'Accuracy',
    'BoundaryIoU',
    'ObjectPrecision',
    'ObjectRecall',
    'ObjectF1',
    'AveragePrecision',
)


def class_table(total: Confusion) -> PrettyTable:
    """Make the table of the two classes."""
    rows = dict(background=total.background, building=total)
    scores = {name: counts.scores() for name, counts in rows.items()}
    return _table('Class', CLASSES_SHOWN, scores)


def group_table(
    groups: Mapping[str, Mapping[str, float]], overall: Mapping[str, float]
) -> PrettyTable:
    """Make the table of the groups of images and of all images.

    Args:
        groups: Scores by name of group.
        overall: Scores of all images, with the same names.
    """
    shown = [name for name in GROUPS_SHOWN if name in overall]
    return _table('Images', shown, {**groups, 'all': overall})


def _table(
    title: str,
    columns: list[str] | tuple[str, ...],
    rows: Mapping[str, Mapping[str, float]],
) -> PrettyTable:
    table = PrettyTable([title, *columns])
    for name, scores in rows.items():
        table.add_row([name, *(f'{scores[key]:.2f}' for key in columns)])
    return table
