"""Work on many files by several threads, which decoders let run freely."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from joblib import cpu_count
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from mmseg_cube.utils.quiet import quiet_libraries


def work_through(
    work: Callable[[Any], Any],
    items: Sequence,
    title: str,
    workers: int | None = None,
    patience: float = 0.0,
) -> Iterator[tuple[Any, Any, str]]:
    """Call a function for every item, one bad item not stopping the rest.

    Yields the items in their order, with what the function returned and what
    is wrong: the words of a ValueError that it raised, or none.

    A bar of progress appears after ``patience`` seconds. When the consumer
    stops, also by Ctrl-C, items that wait are dropped and those at work are
    finished.
    """

    def attempt(item: Any) -> tuple[Any, Any, str]:
        try:
            return item, work(item), ''
        except ValueError as error:
            return item, None, str(error)
        finally:
            bar.advance(task)  # also while an item in front of it is at work

    columns = *Progress.get_default_columns(), MofNCompleteColumn()
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=len(items))
    start = time.monotonic()
    pool = ThreadPoolExecutor(workers or cpu_count())
    with quiet_libraries():
        try:
            for job in [pool.submit(attempt, item) for item in items]:
                yield job.result()
                if time.monotonic() - start >= patience:
                    bar.start()  # does nothing once it has started
        finally:
            if bar.live.is_started:
                bar.stop()
            pool.shutdown(cancel_futures=True)
