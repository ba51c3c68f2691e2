"""One run of an ablation in a process, with the lock on its folder."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from mmseg_cube.analysis.ablation.plan import Run

LOG, LOCK = 'output.log', '.lock'
TAIL_LINES = 15
PACKAGE_ROOT = Path(__file__).resolve().parents[3]
# The first folder that a process of ``-c`` imports from is the current one,
# where there may be another mmseg_cube. It shall have the one of this process.
START = (
    'import sys; sys.path[0] = sys.argv.pop(1); '
    'from mmseg_cube.analysis.ablation.run import main; sys.exit(main())'
)


def lock_folder(run: Run) -> TextIO | None:
    """Take the lock on the folder of a run; None if another process has it."""
    run.folder.mkdir(parents=True, exist_ok=True)
    lock = (run.folder / LOCK).open('w')
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


class RunProcess:
    """A run that is under way.

    Its process inherits the lock: if this process is killed, nobody else
    begins the run while that one goes on.

    Args:
        run: Run whose config is in its folder.
        slot: Environment variables that say where it computes.
        lock: Lock on its folder.
    """

    def __init__(
        self, run: Run, slot: Mapping[str, str], lock: TextIO
    ) -> None:
        self.run = run
        self.slot = slot
        self.lock = lock
        command = [sys.executable, '-c', START, PACKAGE_ROOT, run.folder]
        with (run.folder / LOG).open('a') as log:
            self.process = subprocess.Popen(
                list(map(str, command)),
                env={**os.environ, **slot},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(lock.fileno(),),
                # Ctrl-C is for this process alone, which ends the others.
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def end(self, at_once: bool = False) -> None:
        """Make the process end, and those that load its data."""
        with contextlib.suppress(ProcessLookupError):
            number = signal.SIGKILL if at_once else signal.SIGTERM
            os.killpg(self.process.pid, number)


def tail(run: Run) -> str:
    """Last lines of what a run said."""
    text = (run.folder / LOG).read_text(errors='replace')
    return '\n'.join(text.rstrip().splitlines()[-TAIL_LINES:])
