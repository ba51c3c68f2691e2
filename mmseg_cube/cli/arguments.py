"""Arguments that several commands take: one name, meaning and check each.

Nothing heavy is imported here, so that help is there at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

Parser = argparse.ArgumentParser


def option(
    parser: Parser,
    name: str,
    help: str,
    type: Callable[[str], object] = str,
    default: object = None,
    **more,
) -> None:
    """Add an option that takes a value.

    Args:
        parser: Where to add it.
        name: Such as ``--size``.
        help: What it is; a default is shown behind it.
        type: Reads the value, and refuses wrong ones.
        default: Value if the option is not there.
        more: For argparse, such as ``choices``, ``nargs``, ``required``.
    """
    shown = ' '.join(map(str, default)) if _many(default) else default
    if default not in (None, []):
        help = f'{help} ({shown})'
    parser.add_argument(name, type=type, default=default, help=help, **more)


def switch(parser: Parser, name: str, help: str, **more) -> None:
    """Add an option without a value, False by default."""
    parser.add_argument(name, action='store_true', help=help, **more)


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


def config(parser: Parser, help: str = 'config of the network') -> None:
    """Add the config of a network, by position."""
    parser.add_argument('config', help=help)


def checkpoint(parser: Parser) -> None:
    """Add trained weights, by position."""
    parser.add_argument('checkpoint', help='its trained weights')


def device(parser: Parser) -> None:
    """Add ``--device``."""
    option(parser, '--device', 'such as cpu or cuda:1 (a GPU if there is one)')


def out(parser: Parser, help: str, required: bool = False) -> None:
    """Add ``--out``, a path."""
    option(parser, '--out', help, Path, required=required)


def size(parser: Parser, default: int | None, help: str) -> None:
    """Add ``--size``, the side of something square in pixels."""
    option(parser, '--size', help, positive, default)


def batch(
    parser: Parser,
    default: int | None,
    help: str = 'images that pass through the network at a time',
) -> None:
    """Add ``--batch``."""
    option(parser, '--batch', help, positive, default)


def workers(parser: Parser) -> None:
    """Add ``--workers``."""
    option(parser, '--workers', 'how many at a time (all cores)', positive)


def threads(parser: Parser) -> None:
    """Add ``--threads``."""
    option(parser, '--threads', "threads on the CPU (torch's)", positive)


def tta(parser: Parser) -> None:
    """Add ``--tta``: the views that ``mmseg-cube test --tta`` takes."""
    switch(
        parser,
        '--tta',
        'average over the image and its two mirror images, left to right '
        'and top to bottom',
    )


def against(parser: Parser, checkpoints: bool = False) -> None:
    """Add ``--against CONFIG`` and, if asked to, its checkpoints."""
    what = 'config of the network to compare with, such as the baseline'
    option(parser, '--against', what, metavar='CONFIG')
    if checkpoints:
        what = 'trained weights of the network of --against'
        more = dict(nargs='+', metavar='FILE')
        option(parser, '--against-checkpoints', what, default=[], **more)


def launcher(parser: Parser) -> None:
    """Add ``--launcher``."""
    choices = ('none', 'pytorch', 'slurm', 'mpi')
    what = 'what has started the processes'
    option(parser, '--launcher', what, default='none', choices=choices)


def split(parser: Parser, default: str) -> None:
    """Add ``--split``."""
    choices = ('train', 'val', 'test')
    what = 'part of the data set'
    option(parser, '--split', what, default=default, choices=choices)


def seed(parser: Parser) -> None:
    """Add ``--seed``."""
    option(parser, '--seed', 'of all that is drawn', non_negative, 0)


def seeds(parser: Parser, default: Sequence[int] = (0,)) -> None:
    """Add ``--seeds``, one or more."""
    what, values = 'seeds of the runs', list(default)
    option(parser, '--seeds', what, non_negative, values, nargs='+')


def cfg_options(parser: Parser) -> None:
    """Add ``--cfg-options key=value ...``, an empty dict by default."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_CfgOptions,
        default={},
        metavar='KEY=VALUE',
        help='settings that replace those of the config',
    )


class _CfgOptions(argparse.Action):
    """Reads ``key=value`` as mmengine's own tools do."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Read all words of the option."""
        # Only now: it loads torch.
        from mmengine.config import DictAction

        for text in values:
            if '=' not in text:
                parser.error(f'--cfg-options takes KEY=VALUE, got {text!r}')
        read = DictAction(self.option_strings, self.dest)
        read(parser, namespace, values, option_string)


def _many(value: object) -> bool:
    return isinstance(value, list | tuple)


def _whole(text: str, least: int, what: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f'must be {what}, but got {text!r}')
    return int(text)
