"""Compile mmcv once and keep the wheel for every later environment."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from setup_parts.steps import Problem, Steps


def cache_folder(main: Path, compiled: Path, series: str) -> Path:
    """Return the folder of the wheel, which need not exist yet.

    Its name holds what the compiled code depends on.

    Args:
        main: Requirements that pin torch.
        compiled: Requirements that pin mmcv.
        series: Version of Python, such as '3.10'.
    """
    cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    key = (
        f'mmcv-{pinned("mmcv", compiled)}-torch-{pinned("torch", main)}'
        f'-python-{series}-{sysconfig.get_platform()}'
    )
    return Path(cache) / 'mmseg_cube' / 'wheels' / key


def pinned(name: str, path: Path) -> str:
    """Return the version that a requirements file pins a package to."""
    found = re.search(rf'(?m)^{name}==(\S+)', path.read_text())
    if not found:
        raise Problem(f'{path} pins no version of {name}.')
    return found[1]


def need_compiler(python: Path) -> None:
    """Say early, not after minutes of downloads, that compiling will fail.

    Raises:
        Problem: If there is no C++ compiler or no header of Python.
    """
    names = [os.environ.get('CXX', ''), 'c++', 'g++', 'clang++']
    if not any(shutil.which(name) for name in names if name):
        raise Problem(
            'mmcv has to be compiled and there is no C++ compiler. Install '
            'one (Debian, Ubuntu: apt install g++) and run this again.'
        )
    code = 'import sysconfig; print(sysconfig.get_path("include"))'
    include = subprocess.run(
        [str(python), '-I', '-c', code], capture_output=True, text=True
    ).stdout.strip()
    if not (Path(include) / 'Python.h').exists():
        raise Problem(
            'mmcv has to be compiled and this Python has no Python.h. '
            'Install it (Debian, Ubuntu: apt install python3.10-dev) and '
            'run this again.'
        )


def build(step: Steps, python: Path, compiled: Path, folder: Path) -> None:
    """Compile the wheel into its folder of the cache.

    A compilation that is stopped leaves nothing there: the wheel is written
    elsewhere and moved in one piece.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temp = tempfile.mkdtemp(prefix='.part-', dir=folder.parent)
    try:
        step(
            'mmcv with compiled operators (10 to 20 minutes on two cores)',
            [python, '-I', '-m', 'pip', 'wheel', '--no-deps', '--no-binary',
             'mmcv', '--no-build-isolation', '-w', temp, '-r', compiled],
            MMCV_WITH_OPS='1',
            # The package needs no operator; on a machine with a GPU this
            # keeps a missing or different CUDA compiler from mattering.
            FORCE_CUDA='0',
            CUDA_VISIBLE_DEVICES='',
            MAX_JOBS=str(os.cpu_count() or 1),
        )  # fmt: skip
        # Another set-up may have been faster; its wheel is as good.
        with contextlib.suppress(OSError):
            Path(temp).rename(folder)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
