import logging
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from prettytable import PrettyTable
from torch import Tensor

from .confusion import Confusion, count_pixels
from .mask_writer import MaskWriter


@METRICS.register_module()
class BuildingMetric(BaseMetric):
    """IoU, F1, precision and recall of the building class, in percent.

    All pixels of all images go into one confusion matrix. It is counted per
    image, so that what a distributed sampler repeats to fill its last batch
    is dropped and any number of processes gives the same result. A score of
    0 / 0 is 0.

    Returns ``building/IoU``, ``building/F1``, ``building/Precision``,
    ``building/Recall``, ``building/Accuracy`` (of all pixels) and
    ``building/mIoU`` (mean of background and building), with ``group_by``
    also ``building/IoU_<group>`` and ``building/Accuracy_<group>``.

    Args:
        ignore_index: Label of pixels that do not count.
        output_dir: Folder for predicted masks, 0/255 PNG files named after
            their images; nothing is written by default.
        group_by: Regular expression whose first group, matched at the start
            of an image's stem, names the image's group. ``([a-z-]+)`` gives
            Inria's regions, which its authors score one by one.
        format_only: Only write masks, for images without ground truth.
        keep_results: Taken because mmseg's ``tools/test.py --out`` sets it;
            written masks are always kept.
        collect_device: ``cpu`` or ``gpu``, to collect results of processes.
        prefix: Takes the place of ``building`` in the names.
        collect_dir: Folder to collect in; a temporary one by default.

    Raises:
        ValueError: If an argument is wrong, or ``format_only`` comes without
            ``output_dir``.
    """

    default_prefix = 'building'

    def __init__(
        self,
        ignore_index: int = 255,
        output_dir: str | None = None,
        group_by: str | None = None,
        format_only: bool = False,
        keep_results: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if format_only and output_dir is None:
            raise ValueError(
                'format_only=True only writes masks, but output_dir is None. '
                'Set output_dir or run tools/test.py with --out DIR'
            )
        if ignore_index in (0, 1):
            raise ValueError(
                f'ignore_index must not be a class, 0 or 1, but is '
                f'{ignore_index}'
            )
        if group_by is not None and re.compile(group_by).groups == 0:
            raise ValueError(
                f'group_by needs a group in parentheses, not {group_by!r}'
            )
        self.ignore_index = ignore_index
        self.group_by = group_by
        self.output_dir = output_dir
        self.format_only = format_only
        self.keep_results = keep_results
        self._writer = None if output_dir is None else MaskWriter(output_dir)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count, and write, one batch.

        Args:
            data_batch: The batch; not used.
            data_samples: Predictions, with ground truth unless
                ``format_only``.

        Raises:
            ValueError: If a sample lacks ground truth, or its labels or
                sizes are wrong.
        """
        self._check_classes()
        for sample in data_samples:
            path = sample.get('img_path')
            if path is None and (self._writer or self.group_by):
                raise ValueError(
                    'a sample has no img_path, which names its mask and its '
                    'group. Add it to meta_keys of PackSegInputs'
                )
            group = self._group(path)
            pred = _labels(sample, 'pred_sem_seg', path)
            confusion = Confusion()
            if not self.format_only:
                target = _labels(sample, 'gt_sem_seg', path)
                try:
                    confusion = count_pixels(pred, target, self.ignore_index)
                except ValueError as error:
                    raise ValueError(f'{path}: {error}') from error
            if self._writer is not None:
                self._writer.write(pred.cpu().numpy(), path)
            self.results.append((path, group, confusion))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Add up the images, log a table and return the scores.

        Args:
            results: Path, group and ``Confusion`` per image, of all
                processes.
        """
        scores = {} if self.format_only else self._score(results)
        if self._writer is not None:
            for path, _, _ in results:
                # Each process saw only its own share of the names.
                self._writer.claim(path)
            print_log(
                f'{len(results)} masks are in {self._writer.folder}', 'current'
            )
        return scores

    def _score(self, results: list) -> dict[str, float]:
        total = Confusion()
        groups = defaultdict(Confusion)
        for _, group, confusion in results:
            total += confusion
            if group is not None:
                groups[group] += confusion
        rows = dict(background=total.background, building=total)
        rows.update((f'building, {name}', groups[name]) for name in groups)
        print_log(f'per class results:\n{_table(rows)}', 'current')
        if total.tp + total.fn == 0:
            print_log(
                'The ground truth holds no building. Masks of 0 and 255 must '
                'be loaded with LoadBuildingMask: 255 is the ignore label.',
                'current',
                logging.WARNING,
            )
        building = total.scores()
        background = total.background.scores()
        scores = dict(
            **building,
            Accuracy=total.accuracy,
            mIoU=(building['IoU'] + background['IoU']) / 2,
        )
        for name, confusion in sorted(groups.items()):
            scores[f'IoU_{name}'] = confusion.scores()['IoU']
            scores[f'Accuracy_{name}'] = confusion.accuracy
        return scores

    def _group(self, path: str | None) -> str | None:
        if self.group_by is None:
            return None
        found = re.match(self.group_by, Path(path).stem)
        if found is None:
            raise ValueError(
                f'{path}: its stem does not match group_by={self.group_by!r}'
            )
        return found[1]

    def _check_classes(self) -> None:
        classes = (self.dataset_meta or {}).get('classes')
        if classes is not None and len(classes) != 2:
            raise ValueError(
                'BuildingMetric scores two classes, background and building, '
                f'but the dataset has {len(classes)}: {tuple(classes)}'
            )


def _labels(sample: dict, key: str, path: str | None) -> Tensor:
    """Return the (H, W) labels of a sample."""
    if key not in sample:
        raise ValueError(
            f'{path} has no {key}. For images without ground truth set '
            'format_only=True and output_dir in BuildingMetric; else add '
            'LoadBuildingMask to the pipeline'
            if key == 'gt_sem_seg'
            else f'{path} has no {key}. The model must predict in mode '
            '"predict"'
        )
    labels = sample[key]['data']
    # The segmentors give (1, H, W), test-time augmentation gives (H, W).
    return labels[0] if labels.ndim == 3 and len(labels) == 1 else labels


def _table(rows: dict[str, Confusion]) -> PrettyTable:
    table = PrettyTable(['Class', *Confusion().scores()])
    for name, confusion in rows.items():
        scores = confusion.scores().values()
        table.add_row([name, *(f'{score:.2f}' for score in scores)])
    return table
