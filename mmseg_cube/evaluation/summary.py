"""Scores of all images and of groups of them: added up, logged, written."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.logging import print_log

from mmseg_cube.evaluation.chosen_threshold import (
    ChosenThreshold,
    choose_threshold,
    name_data,
)
from mmseg_cube.evaluation.report import write_curve, write_metrics
from mmseg_cube.evaluation.score_kinds import ScoreKind, ScoreSum
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import quantity

CLASS_COLUMNS = ('IoU', 'F1', 'Precision', 'Recall')
# The columns of Inria's authors come first.
GROUP_COLUMNS = (
    'IoU',
    'Accuracy',
    'BoundaryIoU',
    'ObjectPrecision',
    'ObjectRecall',
    'ObjectF1',
    'AveragePrecision',
)
Scores = dict[str, float]


class Summary:
    """Adds up images, logs tables and writes files.

    Args:
        kinds: Kinds of score by name; ``pixels`` is one of them.
        data: Which images were scored, of ``describe_data``.
        threshold: What labelled the pixels; None for the larger logit.
        folder: Folder of the files; None for none.
    """

    def __init__(
        self,
        kinds: Mapping[str, ScoreKind],
        data: Mapping[str, str],
        threshold: ChosenThreshold | None = None,
        folder: Path | None = None,
    ) -> None:
        self._kinds = kinds
        self._data = data
        self._threshold = threshold
        self._folder = folder

    def __call__(
        self, results: Sequence[tuple[str | None, Mapping]]
    ) -> Scores:
        """Return the scores of images.

        Args:
            results: Group and counts of each image.
        """
        total, groups = ScoreSum(self._kinds), {}
        for group, counts in results:
            total.add(counts)
            if group is not None:
                groups.setdefault(group, ScoreSum(self._kinds)).add(counts)
        groups = {name: groups[name] for name in sorted(groups)}
        scores = total.scores()
        of_groups = {name: each.scores() for name, each in groups.items()}
        self._log(total, of_groups)
        if self._folder is not None:
            write_metrics(self._folder, self._content(total, groups))
        for name, group in of_groups.items():
            scores[f'IoU_{name}'] = group['IoU']
            scores[f'Accuracy_{name}'] = group['Accuracy']
        if 'curve' in self._kinds:
            scores.update(self._choose(total, scores['AveragePrecision']))
        if self._folder is not None:
            print_log(f'The report is in {self._folder}.', 'current')
        return scores

    def _log(self, total: ScoreSum, groups: Mapping[str, Scores]) -> None:
        pixels = total.counts['pixels']
        rows = dict(
            background=pixels.background.scores(), building=pixels.scores()
        )
        table = _table('Class', CLASS_COLUMNS, rows)
        print_log(f'per class results:\n{table}', 'current')
        if groups or len(self._kinds) > 1:
            scores = total.scores()
            columns = [name for name in GROUP_COLUMNS if name in scores]
            table = _table('Images', columns, {**groups, 'all': scores})
            labels = f', labels: {self._threshold}' if self._threshold else ''
            print_log(
                f'buildings, {name_data(self._data)}, '
                f'{quantity(total.images, "image")}{labels}:\n{table}',
                'current',
            )
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

    def _content(
        self, total: ScoreSum, groups: Mapping[str, ScoreSum]
    ) -> dict:
        return dict(
            data=self._data,
            labels=str(self._threshold or 'the larger logit'),
            options={
                name: kind.options() for name, kind in self._kinds.items()
            },
            overall=total.as_json(),
            groups={name: each.as_json() for name, each in groups.items()},
        )

    def _choose(self, total: ScoreSum, average_precision: float) -> Scores:
        thresholds = self._kinds['curve'].thresholds
        # The first point is that of threshold 0: everything is a building.
        points = total.counts['curve'].points()[1:]
        best, reason = choose_threshold(thresholds, points, self._data)
        if self._folder is not None:
            content = dict(
                data=self._data,
                images=total.images,
                average_precision=average_precision,
                best=best,
                no_best_because=reason,
            )
            write_curve(self._folder, content, thresholds, points)
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


def _table(
    title: str, columns: Sequence[str], rows: Mapping[str, Scores]
) -> str:
    cells = [
        [name, *(f'{scores[key]:.2f}' for key in columns)]
        for name, scores in rows.items()
    ]
    return Table([title, *columns], cells).terminal()
