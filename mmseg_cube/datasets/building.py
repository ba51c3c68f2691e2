"""The base of the building datasets: folders, pairs, checks."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_cube.datasets.checks import check_files, inspect_samples
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.datasets.tiles import (
    Layout,
    find_tiles,
    list_files,
    match_folders,
)
from mmseg_cube.datasets.transforms import (
    LoadBuildingMask,
    use_one_reader,
)
from mmseg_cube.utils.words import listing


@DATASETS.register_module()
class BuildingDataset(BaseSegDataset):
    """Images and building masks in ``{split}/{image,label}``.

    Masks hold 0 for background and 255 or 1 for building (or three equal
    bands of these); load them with ``LoadBuildingMask``. Images are 8-bit
    RGB. An image and its mask share their stem; suffixes may be tif, tiff,
    png, jpg or jpeg, and folders may bear any name of ``LAYOUT``, in any
    case.

    A ``LoadImageFromFile`` in the pipeline reads as ``LoadRasterWindow``
    does: by the one reader of all that is done with files here, and what the
    image declares is followed. Pixels that hold no data (by a nodata value,
    an alpha band or a mask) get the label 255 and do not count.

    Every file is decoded once when the dataset is built, so that a fault
    shows before training and not during it. Later builds read only what
    changed since.

    Args:
        split: One of ``SPLITS``.
        data_root: Folder that holds the splits, or a folder around it.
        data_prefix: ``img_path`` and ``seg_map_path`` of other folders to
            use instead of the split's; without ``seg_map_path`` there are
            no labels.
        img_suffix: Accepted suffixes of images; all known ones by default.
        seg_map_suffix: Accepted suffixes of masks, likewise.
        metainfo: Extra meta information. Classes are fixed.
        reduce_zero_label: Must be False: label 0 is the background class.
        verify: Check the files' content when the dataset is built.
        **kwargs: Everything else that ``BaseSegDataset`` takes. ``ann_file``
            may name a text file of stems, one a line, to use of the split.

    Raises:
        ValueError: If an argument is wrong.
        DatasetError: If folders or files are missing, unmatched or broken.
    """

    METAINFO = dict(
        classes=('background', 'building'),
        palette=[[0, 0, 0], [255, 170, 0]],
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
        if not isinstance(data_root, str | os.PathLike | None):
            raise ValueError(
                f'data_root must be one path, not {data_root!r}; a comma in '
                'it makes a list on the command line'
            )
        self.split = split
        self.verify = verify
        super().__init__(
            img_suffix=_as_suffixes(img_suffix),
            seg_map_suffix=_as_suffixes(seg_map_suffix),
            metainfo=metainfo,
            data_root=os.fspath(data_root) if data_root else None,
            data_prefix={
                key: folder
                for key, folder in (data_prefix or {}).items()
                if folder is not None
            },
            **kwargs,
        )
        # For the metric, which says what its scores are scores of.
        self._metainfo.update(dataset=type(self).__name__, split=split)

    def full_init(self) -> None:
        """List the samples and, unless told not to, check their files."""
        if self._fully_initialized:
            return
        use_one_reader(self.pipeline.transforms)
        super().full_init()
        infos = (self.get_data_info(index) for index in range(len(self)))
        # Samples may be windows of the same files.
        samples = list({info['img_path']: info for info in infos}.values())
        self._refuse_to_train_without_masks(samples)
        if self.verify and samples:
            # A dataset that failed its check must not pass the next time.
            self._fully_initialized = False
            hint = ' verify=False skips this check.'
            doing = 'checking files'
            inspect_samples(self, samples, check_files, doing, hint)
            self._fully_initialized = True

    def load_data_list(self) -> list[dict]:
        """List the samples, split by split, in natural order of stems."""
        listed = set(_read_stems(self.ann_file)) if self.ann_file else set()
        splits = self.split.split('+')
        suffixes = self.img_suffix, self.seg_map_suffix
        root = Path(self.data_root or '')

        def wants(split: str, stem: str) -> bool:
            chosen = not self.ann_file or stem in listed
            return chosen and self.wants(split, stem)

        if self.data_prefix:
            root = Path()
            tiles, faults = match_folders(
                self.data_prefix, splits, wants, suffixes
            )
        elif self.data_root is not None:
            tiles, faults = find_tiles(
                root, list_files(root), self.LAYOUT, splits, wants, suffixes
            )
        else:
            raise DatasetError(
                f'{type(self).__name__}: neither data_root nor data_prefix is '
                'given.\nNext: set data_root to the folder that holds the '
                'dataset.'
            )
        if not faults and listed:
            faults = [
                f'{stem}: listed in {self.ann_file}, but no such image'
                for stem in sorted(listed - {tile.name for tile in tiles})
            ]
        elif not faults:
            empty = set(splits) - {tile.split for tile in tiles}
            faults = [f'no image for split {s!r}' for s in sorted(empty)]
        if faults:
            raise DatasetError(
                f'{type(self).__name__}: {len(faults)} fault(s) in split '
                f'{self.split!r} of {root}:\n{listing(faults)}\nNext: every '
                'image needs one mask of the same stem and the other way '
                'round; img_suffix and seg_map_suffix choose between formats '
                f'({", ".join(RASTER_SUFFIXES)}).'
            )
        # data_prefix gives both halves of train+val the same files.
        images = {tile.image: tile.mask for tile in tiles}
        return [
            dict(
                img_path=str(root / image),
                **({'seg_map_path': str(root / mask)} if mask else {}),
                label_map=self.label_map,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[],
                **self.describe(image.stem),
            )
            for image, mask in images.items()
        ]

    def wants(self, split: str, stem: str) -> bool:
        """Tell whether a file belongs to a split, by its name."""
        return True

    def describe(self, stem: str) -> dict[str, Any]:
        """Return what a file's name says, for the sample's dict."""
        return {}

    def _refuse_to_train_without_masks(self, samples: Sequence[dict]) -> None:
        steps = map(type, self.pipeline.transforms)
        if self.test_mode or LoadBuildingMask not in steps:
            return
        for sample in samples:
            if 'seg_map_path' not in sample:
                raise DatasetError(
                    f'{sample["img_path"]}: split {self.split!r} has no '
                    'masks, so nothing can be trained on it.\nNext: name '
                    'another split, or set test_mode=True and, in '
                    'BuildingMetric, format_only=True.'
                )


def _as_suffixes(suffix: str | Sequence[str] | None) -> tuple[str, ...]:
    given = [suffix] if isinstance(suffix, str) else suffix or RASTER_SUFFIXES
    return tuple(each.lower() for each in given)


def _read_stems(path: str) -> list[str]:
    """Read a text file of stems, one a line; suffixes may be given."""
    file = Path(path)
    if not file.is_file():
        raise DatasetError(
            f'no list of stems at {file.absolute()}.\nNext: correct '
            'ann_file, which is relative to data_root, or leave it out.'
        )
    text = unicodedata.normalize('NFC', file.read_text('utf-8-sig'))
    names = [Path(line.strip()) for line in text.splitlines()]
    return [
        name.stem if name.suffix.lower() in RASTER_SUFFIXES else name.name
        for name in names
        if name.name
    ]
