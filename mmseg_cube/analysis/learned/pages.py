"""Pictures that stay readable however many layers there are."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mmseg_cube.utils.whole_files import write_whole

DPI = 130
TITLE = 34  # letters that fit over a panel


def save_pages(
    draw: Callable[[Mapping[str, Any]], Figure],
    items: Mapping[str, Any],
    per_page: int,
    stem: Path,
) -> list[str]:
    """Draw items, so many on each picture.

    Args:
        draw: Draws some of the items.
        items: What to draw, by name.
        per_page: Most items of a picture.
        stem: Path of the pictures without number and suffix.

    Returns:
        Names of the files, none if there are no items: ``stem.png``, then
        ``stem_page2.png`` and so on.
    """
    names, left = [], iter(items.items())
    while page := dict(islice(left, per_page)):
        number = f'_page{len(names) + 1}' if names else ''
        names.append(f'{stem.name}{number}.png')
        save_figure(draw(page), stem.with_name(names[-1]))
    return names


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture as PNG, whole or not at all."""
    write_whole(path, partial(figure.savefig, format='png', dpi=DPI))


def fit_title(name: str) -> str:
    """Shorten a name at its front."""
    return name if len(name) <= TITLE else f'...{name[3 - TITLE :]}'
