"""The base of the building datasets: folders, pairs, checks."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import DATASETS

from mmseg_cube.datasets import splits
from mmseg_cube.datasets.bands import Channels, Scale
from mmseg_cube.datasets.checks import (
    FileFacts,
    check_files,
    check_mask,
    inspect_samples,
    settle_meaning,
)
from mmseg_cube.datasets.decision import Declared, decide
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.datasets.tiles import Layout, Tile
from mmseg_cube.datasets.transforms import LoadBuildingMask, use_one_reader
from mmseg_cube.utils.words import refuse_other_than_paths

LOOKED_AT = 32  # masks of a dataset that is not checked


@DATASETS.register_module()
class BuildingDataset(BaseSegDataset):
    """Images and building masks, in any folders and by any names.

    They lie in ``{split}/{image,label}``, folders of any name of ``LAYOUT``,
    in any case; or ``data_prefix`` names a folder of images and one of
    masks, and ``ann_file`` or ``fractions`` what of them is the split.
    Suffixes are tif, tiff, png, jpg, jpeg. Images are 8-bit RGB, others need
    ``bands`` and ``scale``. Masks hold 0 for background and 255 or 1 for
    building, which all of them say together, or ``building_values``.
    docs/own_tiles.md shows all ways.

    ``LoadImageFromFile`` and ``LoadAnnotations`` in the pipeline read as
    ``LoadRasterWindow`` and ``LoadBuildingMask`` do. Every file is decoded
    once when the dataset is built, so that damage, or masks of doubtful
    meaning, show before training. Later builds read only what changed since.

    Samples also hold ``mask_meaning`` and ``channels``, by which masks and
    images are read, and ``data_source``, which tells the metric what its
    scores are scores of.

    Args:
        split: One of ``SPLITS``.
        data_root: Folder that holds the splits, or a folder around it.
        data_prefix: ``img_path`` and ``seg_map_path`` of other folders to
            use instead of the split's, which may be one; without
            ``seg_map_path`` there are no labels.
        img_suffix: Accepted suffixes of images; all known ones by default.
        seg_map_suffix: Accepted suffixes of masks, likewise.
        metainfo: Extra meta information; classes are fixed.
        reduce_zero_label: Must be False.
        verify: Check the files' content when the dataset is built. If not,
            some masks tell what all of them mean, and doubts are logged.
        building_values: Value of buildings in the masks, or several; all
            other values are background then. A palette of black and white
            counts as 0 and 255, of others the index counts. A colour may be
            named instead: ``[[255, 0, 0]]``.
        ignore_values: Values of pixels that do not count, likewise.
        bands: Bands of the images that the network sees, from 1, such as
            ``(4, 1, 2)``. See ``Channels``.
        scale: Values that become 0 and 255, such as ``(0, 2047)``.
        img_pattern: How images are named, without suffix, such as
            ``'img_{}'``; the braces stand for what the mask has as well.
        mask_pattern: How masks are named, such as ``'{}_mask'``.
        fractions: Shares of the splits in the folders of ``data_prefix``,
            such as ``dict(train=0.8, val=0.1, test=0.1)``, the same in all
            datasets. Neighbours may come into different splits.
        seed: Of this draw.
        **kwargs: Everything else that ``BaseSegDataset`` takes. ``ann_file``
            may name a text file of images, one a line, to use of the split.

    Raises:
        ValueError: If an argument is wrong.
        DatasetError: If folders or files are missing, unmatched or broken,
            or it is not clear what the masks mean.
    """

    METAINFO = dict(
        classes=('background', 'building'), palette=[[0, 0, 0], [255, 170, 0]]
    )
    SPLITS = ('train', 'val', 'train+val', 'test')
    LAYOUT = Layout()

    def __init__(
        self,
        split: str = 'train',
        data_root: str | os.PathLike | None = None,
        data_prefix: Mapping[str, str] | None = None,
        img_suffix: str | Sequence[str] | None = None,
        seg_map_suffix: str | Sequence[str] | None = None,
        metainfo: Mapping | None = None,
        reduce_zero_label: bool = False,
        verify: bool = True,
        building_values: Declared = None,
        ignore_values: Declared = None,
        bands: Sequence[int] | None = None,
        scale: Scale | None = None,
        img_pattern: str = '{}',
        mask_pattern: str = '{}',
        fractions: Mapping[str, float] | None = None,
        seed: int = 0,
        **kwargs,
    ) -> None:
        if split not in self.SPLITS:
            raise ValueError(
                f'split must be one of {", ".join(self.SPLITS)}, not {split!r}'
            )
        if reduce_zero_label:
            raise ValueError(
                'reduce_zero_label must be False: label 0 is the background '
                'class here, and ignoring it leaves nothing but buildings'
            )
        expected = tuple(self.METAINFO['classes'])
        classes = tuple((metainfo or {}).get('classes', expected))
        if classes != expected:
            raise ValueError(
                f'{type(self).__name__} has the {len(expected)} classes '
                f'{expected}, in this order, but metainfo gives '
                f'{len(classes)}: {classes}. Leave classes out of metainfo'
            )
        prefix = {} if data_prefix is None else data_prefix
        if not isinstance(prefix, Mapping):
            raise ValueError(
                'data_prefix must be a dict of folders, such as '
                f'dict(img_path=..., seg_map_path=...), not {data_prefix!r}'
            )
        others = dict(prefix, ann_file=kwargs.get('ann_file'))
        refuse_other_than_paths(data_root=data_root, **others)
        splits.refuse_wrong_patterns(img_pattern, mask_pattern)
        if fractions is not None:
            splits.refuse_wrong_fractions(fractions, split, prefix)
        self.fractions, self.seed = fractions, seed
        self.patterns = img_pattern, mask_pattern
        self.channels = Channels(bands, scale)
        self.declared = building_values, ignore_values
        decide({}, *self.declared)  # refuses wrong values
        self.split = split
        self.verify = verify
        self.meaning: MaskMeaning | None = None
        self.part = ''  # of the split, if it is not all of it
        super().__init__(
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            metainfo=metainfo,
            data_root=os.fspath(data_root) if data_root else None,
            data_prefix={k: v for k, v in prefix.items() if v is not None},
            **kwargs,
        )

    def full_init(self) -> None:
        """List the samples and, unless told not to, check their files."""
        if self._fully_initialized:
            return
        use_one_reader(self.pipeline.transforms, self.channels)
        super().full_init()
        infos = (self.get_data_info(index) for index in range(len(self)))
        # Samples may be windows of the same files.
        samples = list({info['img_path']: info for info in infos}.values())
        if self._indices is not None:
            self.part = f'{len(self)} samples by indices'
        # A dataset that failed its check must not pass the next time.
        self._fully_initialized = False
        self.refuse_to_train_without_masks(samples)
        if not self.verify:
            samples = [s for s in samples if 'seg_map_path' in s]
            samples = samples[:: -(-len(samples) // LOOKED_AT) or 1]
        found = inspect_samples(self, samples, self.look, 'checking files')
        self.meaning = settle_meaning(self, *found)
        self._fully_initialized = True

    def get_data_info(self, idx: int) -> dict:
        """Return a sample before its pipeline."""
        more = dict(mask_meaning=self.meaning, **self._about())
        return super().get_data_info(idx) | more

    def prepare_data(self, idx: int) -> Any:
        """Return a sample after its pipeline."""
        data = super().prepare_data(idx)
        packed = data.get('data_samples') if isinstance(data, dict) else None
        for sample in packed if isinstance(packed, list) else [packed]:
            if sample is not None:  # whatever its pipeline packed
                sample.set_metainfo(self._about())
        return data

    @property
    def source(self) -> dict[str, str]:
        """Whose scores those of its samples are, for the metric."""
        return dict(
            dataset=type(self).__name__, split=self.split, part=self.part
        )

    def load_data_list(self) -> list[dict]:
        """List the samples, split by split, in natural order of stems."""
        tiles, self.part = splits.choose_tiles(self)
        return [
            dict(
                img_path=str(tile.image),
                **({'seg_map_path': str(tile.mask)} if tile.mask else {}),
                label_map=self.label_map,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[],
                **self.describe(tile.name),
            )
            for tile in tiles
        ]

    def look(self, tile: Tile, facts: FileFacts) -> Sequence | None:
        """Check a tile, if that is not to be skipped, and learn its mask."""
        if not self.verify:
            return check_mask(facts, tile.mask)
        return check_files(facts, *tile[2:], self.channels)[1]

    def wants(self, split: str, stem: str) -> bool:
        """Tell whether a file belongs to a split, by its name."""
        return True

    def describe(self, name: str) -> dict[str, Any]:
        """Return what a tile's name says, for the sample's dict."""
        return {}

    def _about(self) -> dict[str, Any]:
        """What a sample says of its dataset, packed or not."""
        return dict(data_source=self.source, channels=self.channels)

    def refuse_to_train_without_masks(self, samples: Sequence[dict]) -> None:
        """Refuse samples that the pipeline needs masks of, but lack them."""
        bare = [s['img_path'] for s in samples if 'seg_map_path' not in s]
        steps = set(map(type, self.pipeline.transforms))
        trains = steps & {LoadBuildingMask, PackSegInputs}
        if bare and trains and not self.test_mode:
            raise DatasetError(
                f'{bare[0]}: split {self.split!r} has no masks, so nothing '
                'can be trained on it.\nNext: name another split, or set '
                'test_mode=True and, in BuildingMetric, format_only=True.'
            )
