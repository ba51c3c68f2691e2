"""Carrying out the runs of an ablation, each in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from mmseg_cube.analysis.ablation.networks import count_variants
from mmseg_cube.analysis.ablation.report import write_report
from mmseg_cube.analysis.ablation.study import LOCK, TAKEN, Run, Study

Place = dict[str, str]  # environment variables of a process
CPU = 'cpu'
LOG, TAIL_LINES = 'output.log', 15
POLL_SECONDS = 0.5
GRACE_SECONDS = 10  # between asking a process to end and killing it
PACKAGE_ROOT = Path(__file__).resolve().parents[3]
# The first folder that a process of ``-c`` imports from is the current one,
# where there may be another mmseg_cube. It shall have the one of this process.
START = (
    'import sys; sys.path[0] = sys.argv.pop(1); '
    'from mmseg_cube.analysis.ablation.train import main; '
    'sys.exit(main(sys.argv[1]))'
)


def train(study: Study, devices: Sequence[str] | None = None) -> list[Run]:
    """Carry out all runs and say how they go; returns those that failed.

    Args:
        study: What to train; its report is written anew after each run.
        devices: Where to train, as in :func:`make_places`.

    Raises:
        ValueError: If a variant cannot be built, or a run was begun with
            another config.
        KeyboardInterrupt: After Ctrl-C or SIGTERM; no process goes on.
    """
    places = make_places(devices)
    for run in study.runs:
        run.check_config()
    count_variants(study)
    return Queue(study, places).work()


class Queue:
    """Carries out runs in the order given, one at a time in each place.

    Finished runs are not run again. Those that another process is at are
    left to it, and taken over if it gives up.
    """

    def __init__(self, study: Study, places: Sequence[Place]) -> None:
        self.study = study
        self.free = list(places)
        # Runs that are not begun here, are under way here, and failed here.
        self.pending = list(study.runs)
        self.running: dict[Run, tuple[subprocess.Popen, Place]] = {}
        self.failed: list[Run] = []

    def work(self) -> list[Run]:
        """Carry out all runs and say how they go; returns those failed."""
        said = ''
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while self.pending or self.running:
                texts = [*self._collect(), *self._begin()]
                if self.pending and not self.running:
                    texts.append('waiting for runs of another process')
                for text in texts:
                    if text != said:
                        print(text, flush=True)
                    said = text
                time.sleep(POLL_SECONDS)
        finally:
            _end([process for process, _ in self.running.values()])
            signal.signal(signal.SIGTERM, before)
        return self.failed

    def _collect(self) -> Iterator[str]:
        """Note what has ended, here or elsewhere, and say so."""
        for run, (process, place) in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[run]
            self.free.append(place)
            if run.result.exists() or process.returncode == TAKEN:
                self.pending.insert(0, run)
            else:
                self.failed.append(run)
                yield f'failed: {run.name}. {_end_of_log(run)}'
        finished = [run for run in self.pending if run.result.exists()]
        for run in finished:
            run.check_config()
            self.pending.remove(run)
            yield f'finished: {run.name}'
        if finished:
            write_report(self.study)

    def _begin(self) -> Iterator[str]:
        """Begin runs that nobody is at, as far as there are places."""
        for run in list(self.pending):
            if self.free and not _is_taken(run):
                run.keep_config()
                self.pending.remove(run)
                place = self.free.pop(0)
                self.running[run] = _start(run, place), place
                yield f'begun: {run.name}; see {run.folder / LOG}'


def _end_of_log(run: Run) -> str:
    log = run.folder / LOG
    lines = log.read_text(errors='replace').rstrip().splitlines()
    return '\n'.join([f'The end of {log}:', *lines[-TAIL_LINES:]])


def _is_taken(run: Run) -> bool:
    """Whether another process is at a run."""
    run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True


def _start(run: Run, place: Place) -> subprocess.Popen:
    """Start the process of a run, which locks the folder itself.

    So nobody else begins the run if only this process is killed.
    """
    with (run.folder / LOG).open('a') as log:
        return subprocess.Popen(
            [sys.executable, '-c', START, PACKAGE_ROOT, run.folder],
            env={**os.environ, **place},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for this process alone, which ends the others.
            start_new_session=True,
        )


def _end(processes: Collection[subprocess.Popen]) -> None:
    """End processes, and those that load their data."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in processes:
                process.wait(GRACE_SECONDS)


def make_places(devices: Sequence[str] | None = None) -> list[Place]:
    """List the places for runs at once.

    Args:
        devices: Such as ``['cuda:0', 'cuda:1']``, or ``['cpu', 'cpu']`` for
            two that share the cores. None takes all GPUs, else the CPU.

    Raises:
        ValueError: If there is no such device.
    """
    gpus = _find_gpus()
    devices = devices or list(gpus) or [CPU]
    for name in devices:
        if name != CPU and name not in gpus:
            raise ValueError(
                f'--devices {name}: there is no such device; there are '
                + ', '.join([*gpus, CPU])
            )
    threads = len(os.sched_getaffinity(0)) // max(devices.count(CPU), 1)
    on_cpu = dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS=str(threads or 1))
    return [gpus.get(name, on_cpu) for name in devices]


def _find_gpus() -> dict[str, Place]:
    """Places by the names that torch has for the GPUs of this process."""
    if not torch.cuda.is_available():
        return {}
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    numbers = (
        visible.split(',') if visible else range(torch.cuda.device_count())
    )
    return {
        f'cuda:{i}': dict(CUDA_VISIBLE_DEVICES=str(number).strip())
        for i, number in enumerate(numbers)
    }
