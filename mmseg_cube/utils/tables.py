"""Tables for people: the same rows as Markdown, CSV or on the terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from prettytable import PrettyTable, TableStyle

# Takes no place; makes names of columns differ, as prettytable wants them.
MARK = '\u200b'


@dataclass
class Table:
    """Rows of text under a head, and a title that says what it shows.

    The first column is aligned left, all others right.
    """

    head: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    title: str = ''

    def markdown(self) -> str:
        """Lay out as Markdown, under the title in bold."""
        rows = [map(_escape, row) for row in self.rows]
        table = _pretty(map(_escape, self.head), rows, TableStyle.MARKDOWN)
        title = f'**{self.title}**\n\n' if self.title else ''
        return title + _text(table)

    def csv(self) -> str:
        """Lay out as comma-separated values, without the title."""
        table = _pretty(self.head, self.rows)
        return table.get_csv_string(lineterminator='\n').replace(MARK, '')

    def terminal(self) -> str:
        """Lay out for a terminal, under the title and with few lines."""
        table = _pretty(self.head, self.rows, TableStyle.PLAIN_COLUMNS)
        table.left_padding_width, table.right_padding_width = 0, 2
        head, *rows = map(str.rstrip, _text(table).splitlines())
        rule = '-' * max(map(len, [head, *rows]))
        title = [self.title] if self.title else []
        return '\n'.join([*title, head, rule, *rows])


def _pretty(
    head: Iterable[str],
    rows: Iterable[Iterable[str]],
    style: TableStyle = TableStyle.DEFAULT,
) -> PrettyTable:
    table = PrettyTable([name + MARK * i for i, name in enumerate(head)])
    table.add_rows(list(map(list, rows)))
    table.set_style(style)
    table.align = 'r'
    table.align[table.field_names[0]] = 'l'
    return table


def _text(table: PrettyTable) -> str:
    return table.get_string().replace(MARK, '')


def _escape(cell: str) -> str:
    return cell.replace('|', r'\|').replace('\n', ' ')
