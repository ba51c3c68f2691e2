"""Carrying out the runs of an ablation, some of them at once."""

import signal
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from mmseg_cube.analysis.ablation.identity import check_config, keep_config
from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.process import RunProcess, lock_folder

POLL_SECONDS = 0.5
GRACE_SECONDS = 10  # between asking a process to end and ending it


class Watcher(Protocol):
    """Who is told how the runs go."""

    def finished(self, runs: Sequence[Run]) -> None:
        """Runs have their results, from here or from another process."""

    def failed(self, run: Run) -> None:
        """A run ended without a result."""

    def look(self, queue: 'Queue') -> None:
        """Some time has passed."""


class Queue:
    """Carries out runs in the order given, as many at once as has slots.

    Finished runs are not run again. Those that another process is at are
    left to it, and taken over if it gives up.

    Args:
        runs: Runs to carry out.
        slots: Environment variables of each place.
        watcher: Who is told.

    Attributes:
        pending: Runs that are not begun here.
        running: Runs that are under way here.
        failed: Runs that ended here without a result.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        slots: Sequence[Mapping[str, str]],
        watcher: Watcher,
    ) -> None:
        self.pending = list(runs)
        self.free = list(slots)
        self.watcher = watcher
        self.running: list[RunProcess] = []
        self.failed: list[Run] = []

    def work(self) -> None:
        """Carry out all runs.

        Raises:
            ValueError: If a run was begun with another config.
            KeyboardInterrupt: After Ctrl-C or SIGTERM; no process goes on.
        """
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self._turn()
            while self.pending or self.running:
                time.sleep(POLL_SECONDS)
                self._turn()
        finally:
            self._stop()
            signal.signal(signal.SIGTERM, before)

    def _turn(self) -> None:
        ended = [job for job in self.running if job.ended]
        for job in ended:
            self.running.remove(job)
            self.free.append(job.slot)
            job.lock.close()
            if not job.run.result.exists():
                self.failed.append(job.run)
                self.watcher.failed(job.run)
        elsewhere = [run for run in self.pending if run.result.exists()]
        for run in elsewhere:
            check_config(run)
            self.pending.remove(run)
        here = [job.run for job in ended if job.run not in self.failed]
        if here or elsewhere:
            self.watcher.finished([*here, *elsewhere])
        for run in list(self.pending):
            if self.free:
                self._begin(run)
        self.watcher.look(self)

    def _begin(self, run: Run) -> None:
        lock = lock_folder(run)
        if lock is None:
            return
        # Another process may have finished it just now.
        if run.result.exists():
            lock.close()
            return
        keep_config(run)
        self.pending.remove(run)
        self.running.append(RunProcess(run, self.free.pop(0), lock))

    def _stop(self) -> None:
        """End all processes; their runs can be continued later."""
        for job in self.running:
            job.end()
        patience = time.monotonic() + GRACE_SECONDS
        while any(not job.ended for job in self.running):
            if time.monotonic() > patience:
                for job in self.running:
                    job.end(at_once=True)
            time.sleep(POLL_SECONDS / 5)
        for job in self.running:
            job.lock.close()
