"""Arguments that several commands take: one name, meaning and check each.

Nothing heavy is imported here, so that help is there at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def positive(text: str) -> int:
    """Read a whole number above 0."""
    return _whole(text, 1, 'a whole number above 0')


def non_negative(text: str) -> int:
    """Read a whole number that is not below 0."""
    return _whole(text, 0, 'a whole number, 0 or more')


def number(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'must be a number, but got {text!r}'
        ) from None


def config(parser: argparse.ArgumentParser, help: str = '') -> None:
    """Add the config of a network, by position."""
    parser.add_argument('config', help=help or 'config of the network')


def checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add trained weights, by position."""
    parser.add_argument('checkpoint', help='its trained weights')


def cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options key=value ...``, an empty dict by default."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_CfgOptions,
        default={},
        metavar='KEY=VALUE',
        help='settings that replace those of the config',
    )


def device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``, None by default."""
    parser.add_argument(
        '--device', help='such as cpu or cuda:1 (a GPU if there is one)'
    )


def out(
    parser: argparse.ArgumentParser, help: str, required: bool = False
) -> None:
    """Add ``--out``, a path."""
    parser.add_argument('--out', type=Path, required=required, help=help)


def size(
    parser: argparse.ArgumentParser, default: int | None, help: str
) -> None:
    """Add ``--size``, the side of something square in pixels."""
    shown = '' if default is None else f' ({default})'
    parser.add_argument(
        '--size', type=positive, default=default, help=help + shown
    )


def batch(
    parser: argparse.ArgumentParser,
    default: int,
    help: str = 'images that pass through the network at a time',
) -> None:
    """Add ``--batch``."""
    parser.add_argument(
        '--batch', type=positive, default=default, help=f'{help} ({default})'
    )


def workers(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``, None by default."""
    parser.add_argument(
        '--workers', type=positive, help='processes (all cores)'
    )


def threads(parser: argparse.ArgumentParser) -> None:
    """Add ``--threads``, None by default."""
    parser.add_argument(
        '--threads', type=positive, help="threads on the CPU (torch's choice)"
    )


def tta(parser: argparse.ArgumentParser) -> None:
    """Add ``--tta``: the views that ``mmseg-cube test --tta`` takes."""
    parser.add_argument(
        '--tta',
        action='store_true',
        help='average over the image and its two mirror images, left to '
        'right and top to bottom',
    )


def against(
    parser: argparse.ArgumentParser, checkpoints: bool = False
) -> None:
    """Add ``--against CONFIG`` and, if asked to, its checkpoints."""
    parser.add_argument(
        '--against',
        metavar='CONFIG',
        help='config of the network to compare with, such as the baseline',
    )
    if checkpoints:
        parser.add_argument(
            '--against-checkpoints',
            nargs='+',
            metavar='FILE',
            default=[],
            help='trained weights of the network of --against',
        )


def launcher(parser: argparse.ArgumentParser) -> None:
    """Add ``--launcher``."""
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what has started the processes (none)',
    )


def split(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--split``."""
    parser.add_argument(
        '--split',
        choices=('train', 'val', 'test'),
        default=default,
        help=f'part of the data set ({default})',
    )


def seed(parser: argparse.ArgumentParser) -> None:
    """Add ``--seed``."""
    parser.add_argument(
        '--seed', type=non_negative, default=0, help='of all that is drawn (0)'
    )


def seeds(
    parser: argparse.ArgumentParser, default: tuple[int, ...] = (0,)
) -> None:
    """Add ``--seeds``, one or more."""
    shown = ' '.join(map(str, default))
    parser.add_argument(
        '--seeds',
        nargs='+',
        type=non_negative,
        default=list(default),
        help=f'seeds of the runs ({shown})',
    )


class _CfgOptions(argparse.Action):
    """Read ``key=value`` as mmengine's own tools do."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: list[str],
        option_string: str | None = None,
    ) -> None:
        """Parse all words of one option."""
        read = _reader()
        for text in values:
            if '=' not in text:
                parser.error(f'--cfg-options takes KEY=VALUE, got {text!r}')
        read(parser, namespace, values, option_string)


def _reader() -> Callable:
    # mmengine loads torch.
    from mmengine.config import DictAction

    return DictAction(['--cfg-options'], 'cfg_options')


def _whole(text: str, least: int, what: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f'must be {what}, but got {text!r}')
    return int(text)
