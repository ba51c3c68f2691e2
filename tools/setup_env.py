"""Make the virtual environment of this project, or repair it.

    python tools/setup_env.py [--stack onedl|openmmlab]

Only what is missing is done. A stamp, written last, holds a hash of all that
decides the environment; without it, or with another hash, the pip steps run
again in place. So a set-up that was stopped is simply started again.

Standard library only, and written for Python 3.8, so that an old Python can
still find a newer one or say that there is none.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from setup_parts import mmcv_wheel
from setup_parts.find_python import Python, find_python, probe
from setup_parts.steps import Problem, Steps

try:
    import fcntl
except ImportError:  # Windows: two set-ups at once are not kept apart.
    fcntl = None

ROOT = Path(__file__).resolve().parents[1]
LINKS = ('configs', 'tools', 'model-index.yml')


class Stack(NamedTuple):
    """One set of OpenMMLab packages and what it was tested with.

    Attributes:
        venv: Name of the folder.
        series: Versions of Python, the preferred one first.
        requirements: Pinned packages.
        compiled: Requirements to compile after the others, if any.
        modules: Modules whose import shows that the environment works.
    """

    venv: str
    series: tuple
    requirements: str
    compiled: str | None
    modules: str


STACKS = {
    'onedl': Stack(
        '.venv',
        ('3.11', '3.12', '3.10', '3.13'),
        'requirements/onedl.txt',
        None,
        'torchvision, mmseg.models, mmpretrain.models, rasterio, scipy',
    ),
    'openmmlab': Stack(
        '.venv-openmmlab',
        ('3.10',),
        'requirements/openmmlab.txt',
        'requirements/openmmlab-mmcv.txt',
        'torchvision, mmcv.ops, mmseg.models, mmpretrain.models, rasterio',
    ),
}


class Setup:
    """The set-up of one stack.

    Args:
        stack: What to set up.
        root: Folder of the project.
        asked: Interpreter that the user insists on, or None.
    """

    def __init__(
        self, stack: Stack, root: Path = ROOT, asked: str | None = None
    ):
        self.stack = stack
        self.root = root
        self.asked = asked
        self.venv = root / stack.venv
        self.python = self.venv / 'bin' / 'python'
        self.stamp = self.venv / 'mmseg_cube_stamp'
        self.log = root / '.cache' / f'setup{stack.venv}.log'

    def run(self) -> None:
        """Do what is missing."""
        if self.ready():
            return
        with self.locked() as lock:
            if self.ready():
                return
            start = time.monotonic()
            self.install(Steps(self.log, lock))
            seconds = time.monotonic() - start
            print(f'{self.stack.venv} is ready after {seconds:.0f} s.')

    def ready(self) -> bool:
        """Tell whether there is nothing to do; must stay fast."""
        mim = self.root / 'mmseg_cube' / '.mim'
        if not self.stamp.exists() or not all(
            (mim / name).exists() for name in LINKS
        ):
            return False
        found = self.present()
        return found is not None and (
            self.stamp.read_text() == self.fingerprint(found)
        )

    def present(self) -> Python | None:
        """Return the interpreter of the environment if it is usable."""
        found = probe(str(self.python)) if self.python.exists() else None
        if found is None or found.series not in self.stack.series:
            return None
        if self.asked:
            wanted = find_python(self.stack.series, self.asked)
            if found.version != wanted.version:
                return None
        return found

    def fingerprint(self, python: Python) -> str:
        """Hash everything that decides the environment."""
        names = [self.stack.requirements, self.stack.compiled, 'setup.py',
                 'pyproject.toml', 'mmseg_cube/version.py']  # fmt: skip
        # The folder counts: the scripts of an environment hold its path.
        digest = hashlib.sha256(f'{python.version} {self.venv}'.encode())
        for name in filter(None, names):
            path = self.root / name
            if not path.exists():
                raise Problem(f'{path} is missing; run this in a checkout.')
            digest.update(name.encode() + path.read_bytes())
        return digest.hexdigest()

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Let one set-up of this stack run at a time; yield the lock."""
        self.log.parent.mkdir(exist_ok=True)
        fd = os.open(self.log.with_suffix('.lock'), os.O_RDWR | os.O_CREAT)
        try:
            if fcntl:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    print(
                        f'Waiting for another set-up of {self.stack.venv}.',
                        flush=True,
                    )
                    fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)

    def install(self, step: Steps) -> None:
        """Make or repair the environment, stamp last."""
        if self.stamp.exists():
            self.stamp.unlink()
        print(f'Setting up {self.stack.venv}; details in {self.log}')
        python = self.present()
        if python is None or not self.heal():
            python = self.make_venv(step)
        # Hashed first: a file edited meanwhile must lead to another run.
        stamp = self.fingerprint(python)
        pip = [self.python, '-I', '-m', 'pip', '--disable-pip-version-check']
        install = [*pip, 'install', '--progress-bar', 'off']
        main = self.root / self.stack.requirements
        wheels = None
        if self.stack.compiled:
            compiled = self.root / self.stack.compiled
            wheels = mmcv_wheel.cache_folder(main, compiled, python.series)
            if not wheels.is_dir():
                mmcv_wheel.need_compiler(self.python)
        step(f'packages of {main.name}', [*install, '-r', main])
        if wheels:
            if not wheels.is_dir():
                mmcv_wheel.build(step, self.python, compiled, wheels)
            step('mmcv', [*install, '--no-deps', *wheels.glob('*.whl')])
        flags = ['--no-deps', '--no-build-isolation', '-e']
        step('this project, editable', [*install, *flags, self.root])
        code = f'import {self.stack.modules}'
        try:
            step('check of the imports', [self.python, '-I', '-c', code])
        except Problem as problem:
            advice = f'remove {self.stack.venv} and start again'
            raise Problem(f'{problem}; {advice}') from None
        partial = self.stamp.with_suffix('.part')
        partial.write_text(stamp)
        partial.replace(self.stamp)

    def heal(self) -> bool:
        """Undo what a killed pip left; False if pip itself is broken."""
        pip = [str(self.python), '-I', '-m', 'pip', '--version']
        if subprocess.run(pip, capture_output=True).returncode:
            return False
        for site in self.venv.glob('lib/python*/site-packages'):
            for info in site.glob('*.dist-info'):
                if not is_whole(info):
                    # Without it pip installs the package once more.
                    shutil.rmtree(info)
            for leftover in site.glob('~*'):
                shutil.rmtree(leftover, ignore_errors=True)
        return True

    def make_venv(self, step: Steps) -> Python:
        """Make the environment anew; return the interpreter it is from."""
        python = find_python(self.stack.series, self.asked)
        if self.venv.is_symlink():
            self.venv.unlink()
        elif self.venv.exists():
            print(f'  {self.stack.venv} is not usable; made anew')
            shutil.rmtree(self.venv)
        step(
            f'{self.stack.venv} with Python {python.version}',
            [python.path, '-I', '-m', 'venv', self.venv],
        )
        return python


def is_whole(info: Path) -> bool:
    """Tell whether pip finished a package, given its dist-info folder.

    pip takes the folder alone for proof, but a killed pip leaves it behind
    with files missing. At the end it lists its own INSTALLER in RECORD.
    """
    record = info / 'RECORD'
    if not record.exists() or 'INSTALLER,' not in record.read_text():
        return False
    with record.open(newline='') as file:
        names = [row[0] for row in csv.reader(file) if row]
    return all(
        (info.parent / name).exists()
        for name in names
        if not name.endswith('.pyc')
    )


def main(argv: list | None = None) -> int:
    """Run the tool; return 0, or 2 when the user has to mend something."""
    parser = argparse.ArgumentParser(
        description='Make or repair the virtual environment of the project.',
        epilog='PYTHON=/path/to/python chooses the interpreter.',
    )
    parser.add_argument('--stack', choices=tuple(STACKS), default='onedl')
    args = parser.parse_args(argv)
    setup = Setup(STACKS[args.stack], asked=os.environ.get('PYTHON'))
    try:
        setup.run()
    except (Problem, OSError) as problem:
        print(f'setup_env: {problem}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('\nsetup_env: stopped; run it again to go on.', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
