"""What commands take: one name, meaning and check for each argument.

Nothing heavy is imported here, so that help is there at once.
"""

import os
from argparse import Action, ArgumentParser, ArgumentTypeError
from argparse import Namespace as Namespace  # for all commands
from collections.abc import Callable, Iterable
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
        raise ArgumentTypeError(f'{text} is a file, not a folder')
    return path


def word_or(word: str, read: Callable) -> Callable:
    """Make a function that keeps this word, and reads all other text."""
    return lambda text: text if text == word else read(text)


def mask_value(text: str) -> int | list[int]:
    """Read a value of masks, or a colour such as 255,0,0."""
    what = 'a value, 0 or more, or a colour R,G,B'
    parts = [_whole(part, 0, what) for part in text.split(',')]
    return parts if len(parts) > 1 else parts[0]


def numbers(text: str) -> list[float]:
    """Read numbers between commas, such as 0,2047."""
    try:
        values = [float(part) for part in text.split(',')]
    except ValueError as error:
        raise ArgumentTypeError(
            f'must be numbers between commas, but got {text!r}'
        ) from error
    return [int(x) if x.is_integer() else x for x in values]


def _whole(text: str, least: int, what: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ArgumentTypeError(f'must be {what}, but got {text!r}')
    return int(text)


class KeyValues(Action):
    """Reads ``key=value`` as mmengine's own tools do.

    But a path of something that is there, and text in quotes, are taken as
    they are: mmengine takes out spaces and splits at commas.
    """

    def __call__(self, parser, namespace, values, option_string=None):
        """Read all words of the option."""
        # Only now: it loads torch.
        from mmengine.config.config import DictAction

        for text in values:
            if '=' not in text:
                parser.error(f'{option_string} takes KEY=VALUE, got {text!r}')
        read = DictAction(self.option_strings, self.dest)
        read._parse_iterable = _value
        try:
            read(parser, namespace, values, option_string)
        except (AssertionError, RecursionError):
            given = ' '.join(values)
            parser.error(f'{option_string}: brackets do not match in {given}')


def _value(text: str) -> object:
    from mmengine.config.config import DictAction

    if len(text) > 1 and text[0] == text[-1] in ('"', "'"):
        return text[1:-1]
    number = DictAction._parse_int_float_bool(text) != text
    # Path.exists would raise where a list is too long for a name.
    if not number and os.path.exists(text):  # noqa: PTH110
        return text
    return DictAction._parse_iterable(text)


def join_values(parser: ArgumentParser, words: Iterable[str]) -> list[str]:
    """Put options whose value may be left out and that into one word.

    To argparse any word behind ``--tta`` would be its value. Here it is what
    it looks like: a path, or, a name of nothing that is there, a wrong value.
    """
    flags, joined = parser._option_string_actions, ['']
    for word in words:
        flag = flags.get(joined[-1])
        if flag and flag.nargs == '?':
            known = word in flag.choices or (
                word.isalnum() and not os.path.exists(word)  # noqa: PTH110
            )
            joined[-1] += f'={word if known else flag.const}'
            if known:
                continue
        joined.append(word)
    return joined[1:]


MASK_VALUES = dict(nargs='+', type=mask_value, metavar='V')
# What argparse is told of each. Where there is no help, it is the command
# that says what the argument means to it.
SHARED = {
    'config': dict(help='config of the network'),
    'checkpoint': dict(help='its trained weights'),
    '--trust-checkpoint': dict(
        default=False,
        help='load checkpoints that hold more than weights, too: that may run '
        'any program (docs/security.md)',
    ),
    '--device': dict(help='such as cpu or cuda:1 (a GPU if there is one)'),
    '--out': dict(type=folder),
    '--work-dir': dict(type=folder),
    '--size': dict(type=positive),
    '--batch': dict(type=positive),
    '--workers': dict(type=positive, help='files at a time (number of cores)'),
    '--threads': dict(type=positive, help="threads on the CPU (torch's)"),
    '--building-values': dict(
        help='values of buildings in masks, or R,G,B (found from all masks)',
        **MASK_VALUES,
    ),
    '--ignore-values': dict(
        help='values of pixels that do not count, likewise', **MASK_VALUES
    ),
    '--bands': dict(
        type=numbers,
        metavar='4,1,2',
        help='bands of the images, from 1, that the network sees (RGB)',
    ),
    '--scale': dict(
        type=numbers,
        metavar='LOW,HIGH',
        help='values of the images that become 0 and 255 (8 bits as they are)',
    ),
    '--seed': dict(type=non_negative, default=0, help='of all random choices'),
    '--split': dict(
        choices=('train', 'val', 'test'), help='part of the dataset'
    ),
    '--tta': dict(
        nargs='?',
        const='flips',
        default='none',
        choices=('none', 'flips', 'd4'),
        help='views to average over: flips, if nothing else is said, are the '
        'image and its two mirror images, left to right and top to bottom; '
        'd4 are all eight ways to turn and mirror it',
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
        action=KeyValues,
        default={},
        metavar='KEY=VALUE',
        help='settings that replace those of the config',
    ),
}


class Arguments:
    """What a command takes; calling this adds one argument.

    What is said in a call stands above what is shared. Of a default that
    says it, the rest is left out: False belongs to a switch, a number has to
    be positive, a list takes several words.
    """

    def __init__(self, parser: ArgumentParser) -> None:
        self.parser = parser

    def __call__(self, name: str, help: str, **settings) -> None:
        """Add an argument; its help is shown with the default behind it."""
        settings = SHARED.get(name, {}) | settings
        default = settings.get('default')
        if default is False:
            settings['action'] = 'store_true'
        elif isinstance(default, int):
            settings.setdefault('type', positive)
        elif isinstance(default, list):
            settings.setdefault('nargs', '+')
            default = ' '.join(map(str, default))
        if default not in (None, False, '', {}):
            help = f'{help} ({default})'
        self.parser.add_argument(name, **settings | dict(help=help))

    def share(self, *names: str) -> None:
        """Add shared arguments as they are."""
        for name in names:
            self(name, **SHARED[name])

    def network(self) -> None:
        """Add config and checkpoint; both left out mean the default ones."""
        default = 'the default network, if both are left out'
        for name in ('config', 'checkpoint'):
            help = f'{SHARED[name]["help"]} ({default})'
            self(name, help, nargs='?')

    def either(self) -> 'Arguments':
        """Return a group of which a call may have one only."""
        return Arguments(self.parser.add_mutually_exclusive_group())
