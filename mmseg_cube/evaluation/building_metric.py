"""The metric of mmseg's test loop for buildings."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS

from mmseg_cube.datasets.bands import RGB
from mmseg_cube.datasets.mask_folder import MaskFolder
from mmseg_cube.evaluation import score_kinds, thresholds
from mmseg_cube.evaluation.sample import Sample, check_single_view
from mmseg_cube.evaluation.sources import SEPARATORS, merge_sources
from mmseg_cube.evaluation.summary import summarise
from mmseg_cube.utils.words import refuse_other_than_paths

# What the options of one name switch on.
KINDS = dict(
    boundary=score_kinds.BoundaryScore,
    objects=score_kinds.ObjectScore,
    curve=thresholds.ThresholdCurve,
)


@METRICS.register_module()
class BuildingMetric(BaseMetric):
    """IoU, F1, precision and recall of the building class, in percent.

    All pixels of all images go into one confusion matrix. It is counted per
    image, so that what a distributed sampler repeats to fill its last batch
    is dropped and any number of processes gives the same result. A score of
    0 / 0 is 0. The other scores add up whole numbers in the same way.

    Returns, each with ``building/`` before it, ``IoU``, ``F1``,
    ``Precision``, ``Recall``, ``Accuracy`` (of all pixels) and ``mIoU`` (mean
    of background and building), and with

    * ``group_by``: ``IoU_<group>``, ``Accuracy_<group>``;
    * ``boundary``: ``BoundaryIoU``;
    * ``objects``: ``ObjectPrecision``, ``ObjectRecall``, ``ObjectF1``;
    * ``curve``: ``AveragePrecision`` and, never of a test split,
      ``BestThreshold``, ``BestIoU``, ``BestF1``;
    * images that are not all of their split: ``Tiles``, their number.

    Args:
        ignore_index: Label of pixels that do not count.
        output_dir: Folder for masks, 0/255 PNG files named as their images.
        group_by: Regular expression whose first group, matched at the start
            of an image's stem, names the image's group. ``([a-z-]+)`` gives
            Inria's regions, which its authors score one by one.
        boundary: Arguments of ``BoundaryScore``, ``dict()`` for its defaults.
        objects: Arguments of ``ObjectScore``, likewise.
        curve: Arguments of ``ThresholdCurve``, likewise. The model must give
            two logits, which mmseg's test-time augmentation does not.
        threshold: Label by this threshold of the building probability, in
            place of the larger logit: a number, or the ``curve.json`` of
            the val set, whose best one is taken.
        report_dir: Folder for ``metrics.json``, ``groups.png``,
            ``curve.json`` and ``curve.png`` of the latest evaluation.
        format_only: Only write masks, for images without ground truth.
        keep_results: Taken because mmseg's ``tools/test.py --out`` sets it;
            written masks are always kept.
        options: Arguments of ``BaseMetric``, such as ``prefix``, which takes
            the place of ``building`` in the names.

    Raises:
        ValueError: If an argument is wrong, or ``format_only`` comes without
            ``output_dir``.
        FileNotFoundError: If ``threshold`` names a file that is missing.
    """

    default_prefix = 'building'

    def __init__(
        self,
        ignore_index: int = 255,
        output_dir: str | None = None,
        group_by: str | None = None,
        boundary: Mapping | None = None,
        objects: Mapping | None = None,
        curve: Mapping | None = None,
        threshold: float | str | os.PathLike | None = None,
        report_dir: str | None = None,
        format_only: bool = False,
        keep_results: bool = False,
        **options,
    ) -> None:
        super().__init__(**options)
        refuse_other_than_paths(output_dir=output_dir, report_dir=report_dir)
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
        if isinstance(group_by, list | tuple):
            # On a command line mmengine takes the parentheses for a tuple's.
            group_by = f'({",".join(map(str, group_by))})'
        try:
            met = group_by is None or re.compile(str(group_by)).groups > 0
        except re.error:
            met = False
        rule = 'group_by needs a regular expression with a group in (...)'
        score_kinds.require(met, rule, group_by)
        self.ignore_index, self.group_by = ignore_index, group_by
        self.format_only = format_only
        self._kinds = dict(pixels=score_kinds.PixelScore())
        given = dict(boundary=boundary, objects=objects, curve=curve)
        for name, arguments in given.items():
            if arguments is not None:
                met = isinstance(arguments, Mapping)
                rule = f'{name} takes options, such as dict()'
                score_kinds.require(met, rule, arguments)
                self._kinds[name] = KINDS[name](**arguments)
        self._threshold = self._masks = self._report_dir = None
        if threshold is not None:
            self._threshold = thresholds.ChosenThreshold(threshold)
        # Folders are made now: that they cannot be written shows at once.
        if output_dir is not None:
            self._masks = MaskFolder(output_dir)
        if report_dir is not None:
            self._report_dir = Path(report_dir)
            self._report_dir.mkdir(parents=True, exist_ok=True)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count, and write, one batch; samples hold truth and prediction.

        A ValueError says what of a sample is missing or wrong.
        """
        self._check_classes()
        kinds = {} if self.format_only else self._kinds
        if self._threshold or 'curve' in kinds:
            check_single_view(data_batch)
        for content in data_samples:
            sample = Sample(content, self.ignore_index)
            group, source = self.group_of(sample.path), self._source(content)
            if self._threshold:
                above = sample.margin > self._threshold.margin
                sample.pred = above.long()
            if 'boundary' in kinds or 'objects' in kinds:
                sample.check_uncut(source.get('protocol'))
            counts = {name: kind.count(sample) for name, kind in kinds.items()}
            place = sample.path, sample.window
            if self._masks is not None:
                pred = sample.pred.cpu().numpy()
                self._masks.write(pred, *place, content.get('channels', RGB))
            self._merge_margins()
            self.results.append((*place, source, group, counts))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Add up the results of all images and processes; report them."""
        scores = {}
        if not self.format_only:
            data = merge_sources(source for _, _, source, *_ in results)
            counted = [result[3:] for result in results]
            how = self._threshold, self._report_dir
            scores = summarise(counted, self._kinds, data, *how)
            if 'part' in data:  # for those who read the scores only
                scores['Tiles'] = float(len({path for path, *_ in results}))
        if self._masks is not None:
            for path, window, *_ in results:
                # Each process saw only its own share of the names.
                self._masks.claim(path, window)
            said = f'{len(results)} masks are in {self._masks.folder}'
            print_log(said, 'current')
        return scores

    def _merge_margins(self) -> None:
        """Keep margins of one image of each group, and of the last image.

        They are large. What a distributed sampler repeats is the last image
        of a process, so only that one must stay apart.
        """
        *_, group, last = self.results[-1] if self.results else ((), {})
        if 'curve' in last:
            first = next(c for *_, g, c in self.results if g == group)
            if first is not last:
                first['curve'] += last.pop('curve')

    def group_of(self, path: str | None) -> str | None:
        """Group of an image; None without groups."""
        if path is None and (self._masks or self.group_by):
            raise ValueError(
                'a sample has no img_path, which names its mask and its '
                'group. Add it to meta_keys of PackSegInputs'
            )
        if self.group_by is None:
            return None
        found = re.match(self.group_by, Path(path).stem)
        if found is None:
            raise ValueError(
                f'{path}: its stem does not match group_by={self.group_by!r}'
            )
        return found[1]

    def _source(self, content: Mapping) -> dict[str, str]:
        """Say what a sample is part of, by itself or by ``metainfo``."""
        meta = self.dataset_meta or {}
        told = {key: str(meta[key]) for key in SEPARATORS if meta.get(key)}
        return {**told, **content.get('data_source', {})}

    def _check_classes(self) -> None:
        classes = (self.dataset_meta or {}).get('classes')
        if classes is not None and len(classes) != 2:
            raise ValueError(
                'BuildingMetric scores two classes, background and building, '
                f'but the dataset has {len(classes)}: {tuple(classes)}'
            )
