"""The command line that the three converters share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from ..errors import DatasetError
from .output import FORMATS
from .result import Conversion

BAD_INPUT = 2
INTERRUPTED = 130  # as shells report Ctrl-C


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that all converters take."""
    parser.add_argument(
        'source', type=Path, help='zip archive, or folder that it unpacks to'
    )
    parser.add_argument(
        'out',
        type=Path,
        help='folder to fill; a run that was stopped continues there',
    )
    parser.add_argument(
        '--format', choices=FORMATS, default='png', help='of patches (png)'
    )
    parser.add_argument(
        '--workers', type=int, help='processes (all cores)', metavar='N'
    )


def run(convert: Callable[[], Conversion]) -> int:
    """Convert, and say how it went.

    Args:
        convert: The conversion, with its arguments.

    Returns:
        0 if all went well, 2 if the input was wrong or some of it could not
        be used, 130 after Ctrl-C.
    """
    errors = Console(stderr=True, soft_wrap=True, highlight=False)

    def complain(text: str) -> None:
        errors.print(text, markup=False)

    try:
        result = convert()
    except (DatasetError, ValueError) as error:
        complain(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        complain('Stopped. Run the same command again to continue.')
        return INTERRUPTED
    for note in result.notes:
        complain(f'Note: {note}')
    print(f'{result} ({result.written} written now)', flush=True)
    if result.faults:
        lines = '\n'.join(f'  - {fault}' for fault in result.faults)
        complain(
            f'{len(result.faults)} fault(s):\n{lines}\nNext: mend these and '
            'run the same command again; it does only what is missing.'
        )
        return BAD_INPUT
    return 0
