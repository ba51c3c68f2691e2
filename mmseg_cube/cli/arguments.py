"""Arguments that several commands take: one name, meaning and check each.

Nothing heavy is imported here, so that help is there at once.
"""

import argparse
from pathlib import Path


def positive(text: str) -> int:
    """Read a whole number above 0."""
    return _whole(text, 1, 'a whole number above 0')


def non_negative(text: str) -> int:
    """Read a whole number that is not below 0."""
    return _whole(text, 0, 'a whole number, 0 or more')


def folder(text: str) -> Path:
    """Read the path of a folder, which need not be there yet."""
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f'{text} is a file, not a folder')
    return path


def _whole(text: str, least: int, what: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f'must be {what}, but got {text!r}')
    return int(text)


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


# What argparse is told of each. Where there is no help, it is the command
# that says what the argument means to it.
SHARED = {
    'config': dict(help='config of the network'),
    'checkpoint': dict(help='its trained weights'),
    '--device': dict(help='such as cpu or cuda:1 (a GPU if there is one)'),
    '--out': dict(type=folder),
    '--work-dir': dict(type=folder),
    '--size': dict(type=positive),
    '--batch': dict(type=positive),
    '--workers': dict(type=positive, help='how many at a time (all cores)'),
    '--threads': dict(type=positive, help="threads on the CPU (torch's)"),
    '--seed': dict(type=non_negative, default=0, help='of all that is drawn'),
    '--split': dict(
        choices=('train', 'val', 'test'), help='part of the data set'
    ),
    '--tta': dict(
        action='store_true',
        help='average over the image and its two mirror images, left to '
        'right and top to bottom',
    ),
    '--against': dict(
        metavar='CONFIG',
        help='config of the network to compare with, such as the baseline',
    ),
    '--against-checkpoints': dict(
        nargs='+',
        default=[],
        metavar='FILE',
        help='trained weights of the network of --against',
    ),
    '--launcher': dict(
        default='none',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        help='what has started the processes',
    ),
    '--cfg-options': dict(
        nargs='+',
        action=_CfgOptions,
        default={},
        metavar='KEY=VALUE',
        help='settings that replace those of the config',
    ),
}


def share(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add shared arguments as they are."""
    for name in names:
        add(parser, name, **SHARED[name])


def add(
    parser: argparse.ArgumentParser, name: str, help: str, **settings
) -> None:
    """Add an argument; what is said here stands above what is shared.

    Args:
        parser: Where to add it.
        name: Such as ``--size``.
        help: What it is; a default is shown behind it.
        settings: For argparse, such as ``type``, ``choices``, ``required``.
    """
    settings = SHARED.get(name, {}) | settings
    default = settings.get('default')
    if isinstance(default, list | tuple):
        default = ' '.join(map(str, default))
    if default not in (None, '', {}):
        help = f'{help} ({default})'
    parser.add_argument(name, **settings | dict(help=help))
