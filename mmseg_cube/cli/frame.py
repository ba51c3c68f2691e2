"""What all sub-commands share: how they start, fail and end.

Exit codes: 0 all went well; 1 done, but something was found (faults in data,
a file that differs, runs that failed); 2 bad input, said in one line; 130
stopped with Ctrl-C.
"""

import argparse
import contextlib
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import ModuleType

from mmseg_cube.version import __version__

PROG = 'mmseg-cube'
BAD_INPUT, INTERRUPTED = 2, 130
# Set it to see where an error came from, for reports of faults.
TRACEBACK = 'MMSEG_CUBE_TRACEBACK'
# In the order of work; each is a module of this folder.
COMMANDS = (
    'check',
    'sample-city',
    'convert',
    'check-data',
    'train',
    'test',
    'predict',
    'submit',
    'export',
    'leaderboard',
    'complexity',
    'speed',
    'ablate',
    'gradients',
    'learned',
    'router',
    'zoo',
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``mmseg-cube``.

    Args:
        argv: Words of the command line; None takes those of the process.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ('-h', '--help'):
        print(_overview())
        return 0 if words else BAD_INPUT
    if words[0] == '--version':
        print(__version__)
        return 0
    name, *rest = words
    if name not in COMMANDS:
        print(
            f'{PROG}: error: there is no command {name!r}. There are: '
            + ', '.join(COMMANDS),
            file=sys.stderr,
        )
        return BAD_INPUT
    command = _module(name)
    parser = argparse.ArgumentParser(
        prog=f'{PROG} {name}',
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    try:
        args = _parse(parser, rest, command)
    except SystemExit as stop:  # after help or a wrong word
        return stop.code
    return _run(name, command, args)


def _parse(
    parser: argparse.ArgumentParser, words: list[str], command: ModuleType
) -> argparse.Namespace:
    """Read the words; a script of mmseg gets those that are not ours."""
    if not getattr(command, 'PASSES_ON', False):
        return parser.parse_args(words)
    args, _ = parser.parse_known_args(words)
    args.words = words
    return args


def _run(name: str, command: ModuleType, args: argparse.Namespace) -> int:
    """Run a command; say what was wrong with its input in one message."""
    passes_on = getattr(command, 'PASSES_ON', False)
    try:
        with started(quiet=not passes_on):
            return command.run(args) or 0
    except KeyboardInterrupt:
        how = getattr(command, 'CONTINUES', '')
        if how is True:
            how = 'The same command continues where it stopped.'
        print(f'{PROG} {name}: stopped. {how}'.rstrip(), file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get(TRACEBACK) or not _is_input(error, passes_on):
            raise
        print(f'{PROG} {name}: error: {_explain(error)}', file=sys.stderr)
        return BAD_INPUT


@contextlib.contextmanager
def started(quiet: bool = True) -> Iterator[None]:
    """Prepare OpenMMLab for a command, and restore what others share.

    Args:
        quiet: Keep the log and the libraries from talking.
    """
    from mmseg_cube.utils import register_all_modules
    from mmseg_cube.utils.register import without_notices

    register_all_modules(init_default_scope=False)
    with without_notices():
        from mmseg_cube.utils.mmengine_gaps import close_gaps
        from mmseg_cube.utils.quiet import quiet_libraries, quiet_log

    close_gaps()
    with contextlib.ExitStack() as stack:
        if quiet:
            stack.enter_context(quiet_libraries())
            stack.enter_context(quiet_log())
        yield


def _is_input(error: Exception, training: bool) -> bool:
    """Tell whether the input is to blame, so that a line says enough.

    Args:
        error: What went wrong.
        training: Whether a script of mmseg was running. Only the files of a
            data set are to blame then, or what was checked before.
    """
    import torch

    kinds = (OSError, ValueError, ImportError, torch.cuda.OutOfMemoryError)
    return isinstance(error, kinds) and (
        not training or not _within_script(error)
    )


def _within_script(error: Exception) -> bool:
    """Tell whether a script of mmseg was running, other than on data."""
    from mmseg_cube.datasets.errors import DatasetError, RasterError

    if isinstance(error, DatasetError | RasterError):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.name == 'run_path' for frame in frames)


def _explain(error: Exception) -> str:
    import torch

    if isinstance(error, torch.cuda.OutOfMemoryError):
        return f'{error} Choose a smaller --batch or --size.'
    return str(error)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f'mmseg_cube.cli.{name.replace("-", "_")}')


def _overview() -> str:
    """List the commands, each with the first line of its help."""
    lines = [f'usage: {PROG} COMMAND ...\n\ncommands:']
    there = {info.name for info in pkgutil.iter_modules(_folder())}
    for name in COMMANDS:
        if name.replace('-', '_') in there:
            first = (_module(name).__doc__ or '').strip().splitlines()[0]
            lines.append(f'  {name:<12} {first}')
    lines.append(f'\n{PROG} COMMAND --help says what a command takes.')
    return '\n'.join(lines)


def _folder() -> list[str]:
    return list(sys.modules['mmseg_cube.cli'].__path__)
