"""What was measured, as tables: a row per name, a column per number."""

from collections.abc import Mapping

from mmseg_cube.utils.tables import Table

# Columns, by the names that JSON has, with the format of their numbers.
ORDERS = dict(
    method='', channels='', block='', moved='.1%', distance='.3f',
    new_cell='', new_parity='', temperature='.3g', gap='.3f',
)  # fmt: skip
KERNELS = dict(
    least='.3f', largest='.3f', noise='.3f', lean='+.3f', random_lean='+.3f',
    lean_in_pixels='+.1f',
)  # fmt: skip
MASKS = dict(
    min='.3f', mean='.3f', max='.3f', sd='.3f', places='.3f',
    building='.3f', ground='.3f',
)  # fmt: skip
TILES = dict(
    why='', IoU='.2f', difference='+.2f', only_first=',', only_second=','
)


def tabulate(
    first: str,
    rows: Mapping[str, Mapping[str, object] | None],
    formats: Mapping[str, str],
) -> Table:
    """Lay numbers out.

    Args:
        first: Head of the first column.
        rows: Numbers, lists of numbers or words by column; a dash stands for
            those that are missing or None.
        formats: Columns with the format of their numbers.
    """
    cells = [
        [name, *(_show((row or {}).get(key), form)
                 for key, form in formats.items())]
        for name, row in rows.items()
    ]  # fmt: skip
    return Table([first, *formats], cells)


def _show(value: object, form: str) -> str:
    if value is None:
        return '-'
    if isinstance(value, list | tuple):
        return ', '.join(_show(number, form) for number in value)
    return format(value, form)
