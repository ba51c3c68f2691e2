"""What the command lines of the benchmarks share."""

import argparse
from collections.abc import Mapping

import torch
from rich import box
from rich.console import Console
from rich.table import Table

from mmseg_cube.analysis.benchmark.files import describe

WIDTH = 140  # for the names of configs


def positive(text: str) -> int:
    """Read a positive number."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(
            f'must be a positive number, but got {text!r}'
        )
    return int(text)


def prepare(device: str, threads: int | None) -> torch.device:
    """Set torch up.

    Args:
        device: ``'cpu'`` or ``'cuda'``.
        threads: Threads on the CPU; None leaves torch's choice.

    Raises:
        ValueError: If there is no such device.
    """
    if threads:
        torch.set_num_threads(threads)
    if device == 'cuda':
        if not torch.cuda.is_available():
            raise ValueError(
                'no CUDA device is available; measure with --device cpu'
            )
        # As the configs of this project have it.
        torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    return torch.device(device)


def show(
    facts: Mapping[str, object], tables: Mapping[str, list[list[str]]]
) -> None:
    """Print tables, with missed bars in red.

    Args:
        facts: What the results depend on besides the code.
        tables: Rows by title; the first row is the head.
    """
    console = Console(width=WIDTH)
    console.print(describe(facts))
    for title, (head, *rows) in tables.items():
        table = Table(title=title, box=box.SIMPLE, padding=(0, 0, 0, 1))
        for i, name in enumerate(head):
            table.add_column(name, justify='right' if i else 'left')
        for row in rows:
            table.add_row(
                *(f'[red]{x}[/]' if x.endswith('miss') else x for x in row)
            )
        console.print(table)
