"""Work on many files by several processes that do not outlive this one."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import cv2
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from mmseg_cube.utils.quiet import quiet_libraries


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def work_through(
    work: Callable[[Any], Any],
    items: Sequence,
    workers: int,
    title: str,
) -> Iterator:
    """Call a function for every item and yield results as they come.

    Shows a bar on standard error. When the consumer stops, items that wait
    are dropped and those at work are finished.

    Args:
        work: Function of one item; both must be picklable.
        items: Items.
        workers: Processes; 1 works in this one.
        title: Text at the bar.

    Raises:
        BrokenProcessPool: If a worker was killed.
    """
    with quiet_libraries():
        if workers == 1 or len(items) < 2:
            yield from _show(map(work, items), len(items), title)
            return
        # Only this process holds the far end of the pipe: its end tells the
        # workers that this process is gone, also after kill -9.
        near, far = os.pipe()
        # A forked process has not the threads of OpenCV and would wait for
        # them for ever, so here it must have none.
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        pool = ProcessPoolExecutor(
            min(workers, len(items)), get_context('fork'), _start, (near, far)
        )
        try:
            jobs = [pool.submit(work, item) for item in items]
            done = (job.result() for job in as_completed(jobs))
            yield from _show(done, len(items), title)
        finally:
            pool.shutdown(cancel_futures=True)
            os.close(near)
            os.close(far)
            cv2.setNumThreads(threads)


def _show(results: Iterable, total: int, title: str) -> Iterator:
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        for result in results:
            bar.advance(task)
            yield result


def _start(near: int, far: int) -> None:
    os.close(far)
    # Ctrl-C reaches all processes; the first one sees to the end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(
        target=_end_with_parent, args=(near,), daemon=True
    ).start()


def _end_with_parent(near: int) -> None:
    os.read(near, 1)
    os._exit(1)
