"""What all sub-commands share: how they start, fail and end.

Exit codes: 0 all went well; 1 done, but something was found (faults in data,
a file that differs, runs that failed); 2 bad input, said in one line; 130
stopped with Ctrl-C.

With MMSEG_CUBE_TRACEBACK=1 in the environment, bad input also shows where in
the program it was found.
"""

import argparse
import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from mmseg_cube.cli import weights
from mmseg_cube.cli.arguments import Arguments, join_values
from mmseg_cube.version import __version__

PROG = 'mmseg-cube'
BAD_INPUT, INTERRUPTED = 2, 130
NO_SPACE = errno.ENOSPC, errno.EDQUOT, errno.EFBIG
# In the order of work; each is a module of this folder.
DATA = 'sample-city', 'convert', 'prepare', 'check-data'
NETWORKS = 'weights', 'train', 'test', 'predict', 'submit', 'export'
MAPS = 'polygonize', 'evaluate-vectors'
MEASURES = 'leaderboard', 'complexity', 'speed'
STUDIES = 'ablate', 'gradients', 'learned', 'router'
COMMANDS = ('check', *DATA, *NETWORKS, *MAPS, *MEASURES, *STUDIES, 'zoo')
AGAIN = 'The same command continues where it stopped.'
# PyTorch's name of an error, and how a message of it begins.
OUT_OF_MEMORY, LOST_WORKER = 'OutOfMemoryError', 'DataLoader worker (pid'


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``mmseg-cube`` with these words, or with those of the process.

    Returns the exit code.
    """
    with contextlib.suppress(AttributeError):  # a stream of another kind
        # Names of files need not be text.
        sys.stdout.reconfigure(errors='backslashreplace')
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else ''
    if name in ('', '-h', '--help'):
        print(_overview())
        return 0 if name else BAD_INPUT
    if name == '--version':
        print(__version__)
        return 0
    if name not in COMMANDS:
        known = ', '.join(COMMANDS)
        return _fail(PROG, f'there is no command {name!r}. There are: {known}')
    command, words = _module(name), words[1:]
    # A script of mmseg also gets the words that are not ours.
    passes_on = hasattr(command, 'PASSES_ON')
    try:
        parser = make_parser(name)
        words = join_values(parser, words)
        if passes_on:
            args, _ = parser.parse_known_intermixed_args(words)
            args.words = words
        elif hasattr(command, 'KINDS'):
            args = parser.parse_args(words)
        else:
            # What may be left out may stand among options.
            args = parser.parse_intermixed_args(words)
    except SystemExit as stop:  # after help or a wrong word
        return stop.code
    return _run(f'{PROG} {name}', command, args)


def make_parser(name: str) -> argparse.ArgumentParser:
    """Make the parser of a command, or one with a parser for each kind."""
    command = _module(name)
    settings = dict(
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser = argparse.ArgumentParser(
        prog=f'{PROG} {name}', description=command.__doc__, **settings
    )
    if not hasattr(command, 'KINDS'):
        command.add_arguments(Arguments(parser))
        return parser
    kinds = parser.add_subparsers(dest='kind', required=True)
    for kind, what in command.KINDS.items():
        each = kinds.add_parser(kind, help=what, description=what, **settings)
        command.add_arguments(Arguments(each), kind)
    return parser


def _run(prog: str, command: ModuleType, args: argparse.Namespace) -> int:
    """Run a command; say what was wrong with its input in one message."""
    how = getattr(command, 'CONTINUES', '')
    how = f' {AGAIN if how is True else how}' if how else ''
    try:
        # A training says more than its result.
        quiet = not hasattr(command, 'PASSES_ON')
        with started(quiet, getattr(args, 'trust_checkpoint', False)):
            return command.run(args) or 0
    except KeyboardInterrupt:
        print(f'{prog}: stopped.{how}', file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        text = _explain(error, how)
        if text is None or os.environ.get('MMSEG_CUBE_TRACEBACK'):
            raise
        return _fail(prog, text)


def _explain(error: Exception, how: str) -> str | None:
    """Say what was wrong with the input; of the program's faults nothing."""
    from mmseg_cube.utils.words import not_found

    kind, said = type(error), str(error)
    # Torch puts the traceback of a process that loads images in front.
    said = said.rpartition(f'\n{kind.__module__}.{kind.__name__}: ')[2]
    text = said.rstrip() or kind.__name__
    # By name that of a GPU, since torch may be what is missing.
    full = isinstance(error, MemoryError) or kind.__name__ == OUT_OF_MEMORY
    if full or "can't allocate memory" in text:  # of a CPU
        text = 'out of memory.' if text == kind.__name__ else text
        return f'{text} Choose a smaller --batch or --size.'
    if text.startswith(LOST_WORKER):
        text = text.rstrip('. ') + '. Most often memory was full: '
        return f'{text}choose fewer num_workers of the dataloader.{how}'
    if not isinstance(error, OSError | ValueError | ImportError):
        return None
    if isinstance(error, OSError) and error.filename and error.strerror:
        text = f'{error.filename}: {error.strerror}'
        if isinstance(error, FileNotFoundError):
            name = Path(error.filename).stem
            ours = name in weights.NAMES
            advice = f'{PROG} weights {name}' if ours else 'correct the path'
            text = not_found('file', error.filename, advice)
    if getattr(error, 'errno', None) in NO_SPACE:
        text += '. Make room there, then start the same command again.'
    return text


@contextlib.contextmanager
def started(quiet: bool = True, trust: bool = False) -> Iterator[None]:
    """Prepare OpenMMLab for a command; quiet: without its log meanwhile.

    With trust checkpoints may hold more than weights.
    """
    from mmseg_cube.register import register_all_modules

    register_all_modules(init_default_scope=False)
    from mmseg_cube.utils.checkpoints import only_weights
    from mmseg_cube.utils.memory import keep_memory
    from mmseg_cube.utils.mmengine_gaps import close_gaps
    from mmseg_cube.utils.quiet import quiet_libraries, quiet_log

    keep_memory()
    close_gaps()
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_weights(trust))
        if quiet:
            stack.enter_context(quiet_libraries())
            stack.enter_context(quiet_log())
        yield


def _module(name: str) -> ModuleType:
    return importlib.import_module(f'mmseg_cube.cli.{name.replace("-", "_")}')


def _fail(prog: str, text: str) -> int:
    print(f'{prog}: error: {text}', file=sys.stderr)
    return BAD_INPUT


def _overview() -> str:
    """List the commands, each with the first line of its help."""
    lines = [f'usage: {PROG} COMMAND ...', '', 'commands:']
    for name in COMMANDS:
        first = _module(name).__doc__.strip().splitlines()[0]
        lines.append(f'  {name:<17}{first}')
    lines += ['', f'{PROG} COMMAND --help says what a command takes.']
    return '\n'.join(lines)
