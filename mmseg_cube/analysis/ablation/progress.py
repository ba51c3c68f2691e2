"""What a terminal shows while an ablation is trained."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich import progress
from rich.console import Console

from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.queue import Queue

END_OF_LOG = 65536  # bytes in which the last full line surely begins


class Progress:
    """A bar for all runs and one for each that is under way.

    Args:
        runs: All runs.
        console: Where to show it.
    """

    def __init__(self, runs: Sequence[Run], console: Console) -> None:
        self.bar = progress.Progress(
            progress.TextColumn('{task.description}', markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.all = self.bar.add_task('runs', total=len(runs))
        self.jobs = {}
        self.waits = False

    def __enter__(self) -> 'Progress':
        self.bar.start()
        return self

    def __exit__(self, *exception) -> None:
        self.bar.stop()

    def finished(self, runs: Sequence[Run]) -> None:
        """Say that runs are finished."""
        for run in runs:
            self._say(f'finished: {run.name}')
        self.bar.advance(self.all, len(runs))

    def failed(self, run: Run) -> None:
        """Say that a run failed."""
        self._say(f'failed: {run.name}; the others go on')

    def look(self, queue: Queue) -> None:
        """Bring the bars of what is under way up to date."""
        names = {job.run.name for job in queue.running}
        for name in [name for name in self.jobs if name not in names]:
            self.bar.remove_task(self.jobs.pop(name))
        for job in queue.running:
            run = job.run
            if run.name not in self.jobs:
                self.jobs[run.name] = self.bar.add_task(
                    run.name, total=run.iterations
                )
            iteration = read_iteration(run.folder)
            self.bar.update(self.jobs[run.name], completed=iteration)
        waits = bool(queue.pending) and not queue.running
        if waits and not self.waits:
            self._say('waiting for runs of another process')
        self.waits = waits

    def _say(self, text: str) -> None:
        self.bar.console.print(text, markup=False)


def read_iteration(folder: Path) -> int:
    """Last iteration in the log of a run, 0 if there is none."""
    logs = sorted(folder.glob('*/vis_data/scalars.json'))
    if not logs:
        return 0
    with logs[-1].open('rb') as log:
        log.seek(0, 2)
        log.seek(max(log.tell() - END_OF_LOG, 0))
        lines = log.read().splitlines()
    for line in reversed(lines):
        try:
            return int(json.loads(line)['step'])
        except (ValueError, KeyError):  # cut off, or not about training
            continue
    return 0
