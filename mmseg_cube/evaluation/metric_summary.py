import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.logging import print_log

from .chosen_threshold import ChosenThreshold, choose_threshold, name_data
from .metric_report import write_curve, write_metrics
from .metric_table import class_table, group_table
from .tally import Score, Tally
from .threshold_curve import ThresholdCurve


class MetricSummary:
    """Scores of all images and of groups, as numbers, tables and files.

    Args:
        kinds: Kinds of score by name; ``pixels`` is one of them.
        data: Which images were scored, of ``describe_data``.
        threshold: What labelled the pixels; None for the larger logit.
        report_dir: Folder of the files; None for none.
    """

    def __init__(
        self,
        kinds: Mapping[str, Score],
        data: Mapping[str, str],
        threshold: ChosenThreshold | None = None,
        report_dir: Path | None = None,
    ) -> None:
        self._kinds = kinds
        self._data = data
        self._threshold = threshold
        self._report_dir = report_dir

    def __call__(
        self, results: Sequence[tuple[str | None, Mapping]]
    ) -> dict[str, float]:
        """Add up images, log tables, write files and return the scores.

        Args:
            results: Group and counts of each image.
        """
        total, groups = Tally(self._kinds), {}
        for group, counts in results:
            total.add(counts)
            if group is not None:
                groups.setdefault(group, Tally(self._kinds)).add(counts)
        groups = {name: groups[name] for name in sorted(groups)}
        self._log(total, groups)
        if self._report_dir is not None:
            write_metrics(self._report_dir, self._content(total, groups))
        scores = total.scores()
        for name, tally in groups.items():
            of_group = tally.scores()
            scores[f'IoU_{name}'] = of_group['IoU']
            scores[f'Accuracy_{name}'] = of_group['Accuracy']
        if 'curve' in self._kinds:
            scores.update(self._choose(total, scores['AveragePrecision']))
        if self._report_dir is not None:
            print_log(f'The report is in {self._report_dir}.', 'current')
        return scores

    def _log(self, total: Tally, groups: Mapping[str, Tally]) -> None:
        pixels = total.counts['pixels']
        print_log(f'per class results:\n{class_table(pixels)}', 'current')
        if groups or len(self._kinds) > 1:
            scores = {name: tally.scores() for name, tally in groups.items()}
            table = group_table(scores, total.scores())
            print_log(f'buildings, {self._title(total)}:\n{table}', 'current')
        if pixels.tp + pixels.fn == 0:
            print_log(
                'The ground truth holds no building. Masks of 0 and 255 must '
                'be loaded with LoadBuildingMask: 255 is the ignore label.',
                'current',
                logging.WARNING,
            )
        if self._threshold and self._threshold.chosen_on(self._data):
            print_log(
                'The threshold was chosen on the images that it is scored '
                'on, so the scores are too good. Score another split.',
                'current',
                logging.WARNING,
            )

    def _title(self, total: Tally) -> str:
        labels = f', labels: {self._threshold}' if self._threshold else ''
        return f'{name_data(self._data)}, {total.images} images{labels}'

    def _content(self, total: Tally, groups: Mapping[str, Tally]) -> dict:
        return dict(
            data=self._data,
            labels=str(self._threshold or 'the larger logit'),
            options={
                name: kind.options() for name, kind in self._kinds.items()
            },
            overall=total.as_json(),
            groups={name: tally.as_json() for name, tally in groups.items()},
        )

    def _choose(
        self, total: Tally, average_precision: float
    ) -> dict[str, float]:
        curve: ThresholdCurve = self._kinds['curve']
        # The first point is that of threshold 0: everything is a building.
        points = total.counts['curve'].points()[1:]
        best, reason = choose_threshold(curve.thresholds, points, self._data)
        if self._report_dir is not None:
            write_curve(
                self._report_dir,
                dict(
                    data=self._data,
                    images=total.images,
                    average_precision=average_precision,
                    best=best,
                    no_best_because=reason,
                ),
                curve.thresholds,
                points,
            )
        if best is None:
            print_log(f'No best threshold: {reason}.', 'current')
            return {}
        print_log(
            f'Best threshold: {best["threshold"]:g}, chosen on '
            f'{name_data(self._data)}.',
            'current',
        )
        return dict(
            BestThreshold=best['threshold'],
            BestIoU=best['IoU'],
            BestF1=best['F1'],
        )
