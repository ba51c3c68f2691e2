"""Carrying out the runs of an ablation, each in a process of its own."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Event

import torch

from mmseg_cube.analysis.ablation.report import write_report
from mmseg_cube.analysis.ablation.study import Run, Study, count_variants

Place = dict[str, str]  # environment variables of a process
CPU = 'cpu'
LOG, LOCK = 'output.log', '.lock'
POLL_SECONDS = 0.5
say = partial(print, flush=True)
PACKAGE_ROOT = Path(__file__).resolve().parents[3]
# The first folder that a process of ``-c`` imports from is the current one,
# where there may be another mmseg_cube. It shall have the one of this process.
START = (
    'import sys; sys.path[0] = sys.argv.pop(1); '
    'from mmseg_cube.analysis.ablation.train import main; '
    'main(sys.argv[1])'
)


def train(study: Study, devices: Sequence[str] | None = None) -> list[Run]:
    """Carry out runs in their order, one at a time on each device.

    Finished runs are not run again. Those that another process is at are
    left to it, and taken over if it gives up. The report is written anew
    after each run. After Ctrl-C or SIGTERM, no process goes on.

    Returns:
        The runs that failed.

    Raises:
        ValueError: If there is no such device, a variant cannot be built, or
            a run was begun with another config.
    """
    left, free = list(study.runs), make_places(devices)
    for run in left:
        run.check_config()
    count_variants(study)
    running: dict[Run, tuple[subprocess.Popen, Place]] = {}
    waits, stopped, before = False, Event(), {}
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            # Not at once: a process that is being started would go on.
            handler = signal.signal(number, lambda *_: stopped.set())
            before[number] = handler
    try:
        while left:
            finished = False
            for run in list(left):
                process, place = running.get(run, (None, None))
                if process and process.poll() is None:
                    continue
                if process:
                    del running[run]
                    free.append(place)
                if run.result.exists():
                    run.check_config()
                    left.remove(run)
                    finished = True
                    say(f'finished: {run.name}')
                elif process:
                    left.remove(run)
                    say(f'failed: {run.name}. {_end_of_log(run.folder / LOG)}')
                elif free and (process := _start(run, free[0])):
                    running[run] = process, free.pop(0)
                    say(f'begun: {run.name}; see {run.folder / LOG}')
            if finished:
                write_report(study)
            if left and not running and not waits:
                waits = True
                say('waiting for runs of another process')
            if stopped.wait(POLL_SECONDS):
                raise KeyboardInterrupt
    finally:
        for process, _ in running.values():
            # With those that load its data; its last checkpoint stays.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    return [run for run in study.runs if not run.result.exists()]


def make_places(devices: Sequence[str] | None = None) -> list[Place]:
    """List the places of devices, such as ``['cuda:0', 'cpu', 'cpu']``.

    By default they are all GPUs, else the CPU. Those on the CPU share it.
    """
    # torch counts GPUs among those that this process may see.
    count = torch.cuda.device_count()
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    numbers = visible.split(',') if visible else map(str, range(count))
    places = {
        f'cuda:{i}': dict(CUDA_VISIBLE_DEVICES=number.strip())
        for i, number in zip(range(count), numbers, strict=False)
    }
    devices = devices or list(places) or [CPU]
    cores = len(os.sched_getaffinity(0))
    threads = max(cores // max(devices.count(CPU), 1), 1)
    places[CPU] = dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS=str(threads))
    for name in devices:
        if name not in places:
            raise ValueError(
                f'--devices {name}: there is no such device; there are '
                + ', '.join(places)
            )
    return [places[name] for name in devices]


def _start(run: Run, place: Place) -> subprocess.Popen | None:
    """Start the process of a run; None if another one is or was at it.

    The process inherits the lock on the folder: nobody else begins the run
    before it has ended, also if only this process is killed.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / LOCK).open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        if run.result.exists():  # by now
            return None
        run.keep_config()
        with (run.folder / LOG).open('a') as log:
            return subprocess.Popen(
                [sys.executable, '-c', START, PACKAGE_ROOT, run.folder],
                env={**os.environ, **place},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()],
                # Ctrl-C is for this process alone, which ends the others.
                start_new_session=True,
            )


def _end_of_log(log: Path) -> str:
    lines = log.read_text(errors='replace').rstrip().splitlines()
    return '\n'.join([f'The end of {log}:', *lines[-15:]])
