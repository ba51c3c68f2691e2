"""Running the scripts that mmsegmentation brings along, unchanged."""

import importlib.util
import runpy
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from unittest import mock

from mmseg_cube.cli.arguments import KeyValues
from mmseg_cube.cli.frame import LOST_WORKER
from mmseg_cube.utils.checkpoints import CheckpointError, load_file

# What builds a run, and all parts of a config, in mmengine.
BUILDS = {'from_cfg', 'build_from_cfg'}
OURS = Path(__file__).parents[1]


def mmseg_script(name: str) -> str:
    """Return the path of a script of mmseg's tools, such as ``train.py``.

    An mmseg that was put on the path without being installed has none.
    """
    spec = importlib.util.find_spec('mmseg')
    path = Path(spec.origin).parent / '.mim' / 'tools' / name
    if not path.exists():
        raise ValueError(
            f'mmseg has no {path}. Install it as a package, without -e: pip '
            'install onedl-mmsegmentation, or, upstream, mmsegmentation'
        )
    return str(path)


def find_weights(files: Iterable[tuple[str, str]]) -> None:
    """Fetch those at addresses, and name a file that is missing.

    Args:
        files: Pairs of an option of the config and the file it names.
    """
    for option, file in files:
        if '://' not in file:
            Path(file).stat()
            continue
        try:
            load_file(file)
        except CheckpointError as error:
            raise CheckpointError(
                f'{error}, or name a file with --cfg-options {option}=FILE'
            ) from error


def with_options(words: Sequence[str], options: Mapping) -> list[str]:
    """Add settings to the words of a command; text in quotes."""
    more = [
        f"{key}='{value}'" if isinstance(value, str) else f'{key}={value}'
        for key, value in options.items()
    ]
    return [*words, *(['--cfg-options'] if more else []), *more]


def run_mmseg_script(name: str, words: Sequence[str]) -> int:
    """Run a script of mmseg's tools as if it had been called.

    Returns its exit code; 1 after an error, whose traceback is shown. Only
    parts of the config that cannot be built, what this package refuses, and
    folders that may not be written, are errors of the command itself.
    """
    path = mmseg_script(name)
    words = [word for word in words if word != '--trust-checkpoint']
    with (
        mock.patch.object(sys, 'argv', [path, *words]),
        mock.patch('mmengine.config.DictAction', KeyValues),
    ):
        try:
            runpy.run_path(path, run_name='__main__')
        except SystemExit as stop:
            return stop.code or 0
        except Exception as error:
            if str(error).startswith(LOST_WORKER):
                raise
            calls = traceback.extract_tb(error.__traceback__)
            built = BUILDS & {call.name for call in calls}
            refused = built or OURS in Path(calls[-1].filename).parents
            refused = refused or isinstance(error, PermissionError)
            # Raised anew from a process that loads images.
            refused = refused or type(error).__module__.startswith(OURS.name)
            if refused and isinstance(error, OSError | ValueError):
                raise
            if built:
                what = f'{type(error).__name__}: {error}'
                if given := ' '.join(word for word in words if '=' in word):
                    what += f'. Given was {given}'
                raise ValueError(f'the config does not fit: {what}') from error
            # A fault in a training needs its traceback.
            traceback.print_exc()
            return 1
    return 0
