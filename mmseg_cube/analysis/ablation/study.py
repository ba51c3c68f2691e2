"""A whole ablation: its runs, what they are compared with, and where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from mmseg_cube.analysis.ablation.networks import Built
from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.progress import Progress
from mmseg_cube.analysis.ablation.queue import Queue
from mmseg_cube.analysis.ablation.report import REPORT, write_report
from mmseg_cube.analysis.ablation.scores import IOU
from mmseg_cube.utils.whole_files import write_text_whole

CONFIGS = 'configs'


@dataclass(frozen=True)
class Study:
    """What is compared, and where.

    Attributes:
        runs: All trainings.
        reference: Variant that the others are compared with.
        confidence: Share of the intervals that cover the true difference.
        root: Folder.
        score: Name of the score that is compared.
    """

    runs: Sequence[Run]
    reference: str
    confidence: float
    root: Path
    score: str = IOU

    def train(
        self, slots: Sequence[Mapping[str, str]], console: Console
    ) -> list[Run]:
        """Carry out all runs; the report is written anew after each.

        Args:
            slots: Environment variables of each place to compute in.
            console: Where to show how far it got.

        Returns:
            Runs that failed.

        Raises:
            ValueError: If a run was begun with another config.
            KeyboardInterrupt: After Ctrl-C or SIGTERM; no process goes on.
        """
        with _ReportingProgress(self, console) as progress:
            queue = Queue(self.runs, slots, progress)
            queue.work()
        return queue.failed

    def report(self) -> str | None:
        """Write the report; returns a summary, None without any results."""
        finished = write_report(
            self.runs,
            self.reference,
            self.confidence,
            self.root,
            self.score,
        )
        if not finished:
            return None
        total = len(self.runs)
        return f'{finished} of {total} runs finished; {self.root / REPORT}'

    def write_configs(self, built: Mapping[str, Built]) -> Iterator[str]:
        """Write the config of every variant, with the first seed.

        Args:
            built: What is known of the variants.

        Yields:
            A line about each.
        """
        folder = self.root / CONFIGS
        folder.mkdir(parents=True, exist_ok=True)
        first = self.runs[0].seed
        for run in (run for run in self.runs if run.seed == first):
            path = folder / f'{run.variant.folder}.py'
            write_text_whole(path, run.cfg.pretty_text)
            known = built[run.variant.text]
            height, width = known.side
            yield (
                f'{path}: {known.size.parameters / 1e6:.3f} M parameters, '
                f'{known.size.flops / 1e9:.3f} G FLOPs at {height} x {width}; '
                f'{known.summary}'
            )


class _ReportingProgress(Progress):
    """Progress that keeps the report of a study up to date."""

    def __init__(self, study: Study, console: Console) -> None:
        super().__init__(study.runs, console)
        self.study = study

    def finished(self, runs: Sequence[Run]) -> None:
        self.study.report()
        super().finished(runs)
