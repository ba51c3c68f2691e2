"""Find a Python that can make the virtual environment.

Standard library only, and written for Python 3.8: see ``setup_env.py``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from setup_parts.steps import Problem

# The base executable, because a virtual environment made from another one
# must not break when that other one, perhaps the same folder, is removed.
PROBE = """
import sys
try:
    import ensurepip, venv
    can_venv = 1
except ImportError:
    can_venv = 0
print('%d.%d.%d' % sys.version_info[:3])
print(can_venv)
print(getattr(sys, '_base_executable', None) or sys.executable)
"""


class Python(NamedTuple):
    """An interpreter that answered: its path, version and abilities."""

    path: str
    version: str
    can_venv: bool

    @property
    def series(self) -> str:
        """The version without its last part, such as '3.11'."""
        return self.version.rpartition('.')[0]


def probe(path: str) -> Python | None:
    """Run an interpreter; None if it does not answer.

    Only running it tells: a shim of pyenv, for example, lies on the PATH and
    is executable for versions that are not installed.
    """
    try:
        done = subprocess.run(
            [path, '-I', '-c', PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.split('\n')
    if done.returncode or len(lines) < 3:
        return None
    return Python(lines[2], lines[0], lines[1] == '1')


def candidates(series: tuple[str, ...]) -> Iterator[str]:
    """Yield paths worth probing, the likeliest first.

    Args:
        series: Wanted versions in order of preference, such as '3.11'.
    """
    yield sys.executable
    folders = [Path(p) for p in os.get_exec_path() if p]
    home = Path.home()
    pyenv = Path(os.environ.get('PYENV_ROOT') or home / '.pyenv')
    uv = home / '.local' / 'share' / 'uv' / 'python'
    for wanted in series:
        places = list(folders)
        places += sorted(pyenv.glob(f'versions/{wanted}.*/bin'), reverse=True)
        places += sorted(uv.glob(f'cpython-{wanted}.*/bin'), reverse=True)
        for place in places:
            path = place / f'python{wanted}'
            if path.exists():
                yield str(path)
    for name in ('python3', 'python'):
        for folder in folders:
            if (folder / name).exists():
                yield str(folder / name)


def find_python(series: tuple[str, ...], asked: str | None) -> Python:
    """Return the first interpreter that fits.

    Args:
        series: Wanted versions in order of preference, such as '3.11'.
        asked: A path or name that the user insists on, or None to search.

    Raises:
        Problem: If none fits; the message says what to install.
    """
    need = 'Python ' + ' or '.join(sorted(series, key=lambda s: int(s[2:])))
    if asked:
        found = probe(shutil.which(asked) or asked)
        if found is None:
            raise Problem(
                f'PYTHON={asked} does not run. {need} is needed: give its '
                'path, or leave PYTHON out to have one searched for.'
            )
        others = [found]
    else:
        others = []
        for path in dict.fromkeys(candidates(series)):
            found = probe(path)
            if found and found.series in series and found.can_venv:
                return found
            if found:
                others.append(found)
    for found in others:
        if found.series not in series:
            continue
        if found.can_venv:
            return found
        raise Problem(
            f'{found.path} has no venv module. Install it (Debian, Ubuntu: '
            f'apt install python{found.series}-venv) and run this again.'
        )
    seen = ', '.join(sorted({f.version for f in others})) or 'none'
    raise Problem(
        f'{need} is needed; found: {seen}. Install one, or name it: '
        f'make setup PYTHON=/path/to/python{series[0]}'
    )
