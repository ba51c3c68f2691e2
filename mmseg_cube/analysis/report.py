"""What a command leaves behind: a page, its numbers and its pictures."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track

from mmseg_cube.utils.figures import save_figure
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_json, write_text_whole


def show_progress(steps: Collection, what: str) -> Iterable:
    """Go through steps with a bar that says how far it is."""
    return track(steps, what, console=Console(stderr=True), transient=True)


def write_report(
    out: Path,
    name: str,
    numbers: object,
    tables: Iterable[Table] = (),
    texts: Iterable[str] = (),
    figures: Mapping[str, Figure] | None = None,
) -> None:
    """Write NAME.md, NAME.json and a PNG per figure, each whole.

    The page has texts, then tables; figures are by the stem of their files.
    The folder is made if it is not there.
    """
    out.mkdir(parents=True, exist_ok=True)
    page = [*texts, *(table.markdown() for table in tables)]
    write_text_whole(out / f'{name}.md', '\n\n'.join(page) + '\n')
    write_json(out / f'{name}.json', numbers)
    for stem, figure in (figures or {}).items():
        save_figure(figure, out / f'{stem}.png')
