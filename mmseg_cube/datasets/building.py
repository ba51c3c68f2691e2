"""The base of the building datasets: folders, pairs, checks."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_cube.utils.quiet import mute_geotiff_tags

from .checks import check_samples
from .errors import DatasetError, listing
from .folders import as_suffixes, list_rasters, match, read_stems
from .layout import Layout, missing_folder
from .rasters import RASTER_SUFFIXES, is_tiff


@DATASETS.register_module()
class BuildingDataset(BaseSegDataset):
    """Images and building masks in ``{split}/{image,label}``.

    Masks hold 0 for background and 255 or 1 for building (or three equal
    bands of these); load them with ``LoadBuildingMask``. Images are 8-bit
    RGB. An image and its mask share their stem; suffixes may be tif, tiff,
    png, jpg or jpeg, and folders may bear any name of ``LAYOUT``, in any
    case.

    Every file is decoded once when the dataset is built, so that a fault
    shows before training and not during it. Later builds read only what
    changed since.

    Args:
        split: One of ``SPLITS``.
        data_root: Folder that holds the splits, or its parent folder.
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
        self._check_classes(metainfo)
        self.split = split
        self.verify = verify
        super().__init__(
            img_suffix=as_suffixes(img_suffix),
            seg_map_suffix=as_suffixes(seg_map_suffix),
            metainfo=metainfo,
            data_root=os.fspath(data_root) if data_root else None,
            data_prefix=dict(data_prefix or {}),
            **kwargs,
        )
        # For the metric, which says what its scores are scores of.
        self._metainfo.update(dataset=type(self).__name__, split=split)

    def full_init(self) -> None:
        """List the samples and, unless told not to, check their files."""
        if self._fully_initialized:
            return
        super().full_init()
        infos = (self.get_data_info(index) for index in range(len(self)))
        # Samples may be windows of the same files.
        samples = list({info['img_path']: info for info in infos}.values())
        if self.verify and samples:
            # A dataset that failed its check must not pass the next time.
            self._fully_initialized = False
            check_samples(type(self).__name__, samples, self.root(samples))
            self._fully_initialized = True
        if any(is_tiff(sample['img_path']) for sample in samples):
            mute_geotiff_tags()

    def load_data_list(self) -> list[dict]:
        """List the split's samples, each part in natural order of stems."""
        listed = set(read_stems(self.ann_file)) if self.ann_file else set()
        samples, faults, found = {}, [], set()
        for part, images, masks in self._folders():

            def keep(stem: str, part: str = part) -> bool:
                chosen = not self.ann_file or stem in listed
                return chosen and self.wants(part, stem)

            pairs, wrong = match(
                list_rasters(images, self.img_suffix, keep),
                masks and list_rasters(masks, self.seg_map_suffix, keep),
            )
            faults += wrong
            found |= pairs.keys()
            for stem, (image, mask) in pairs.items():
                samples[image] = self._sample(stem, image, mask)
            if not (pairs or wrong or listed):
                faults.append(f'{images}: no image for split {part!r}')
        if not faults:
            faults = [
                f'{stem}: listed in {self.ann_file}, but no such image'
                for stem in sorted(listed - found)
            ]
        if faults:
            # data_prefix gives both parts of train+val the same folders.
            faults = list(dict.fromkeys(faults))
            raise DatasetError(
                f'{type(self).__name__}: {len(faults)} fault(s) in split '
                f'{self.split!r}:\n{listing(faults)}\nNext: every image '
                'needs one mask of the same stem and the other way round; '
                'img_suffix and seg_map_suffix choose between formats '
                f'({", ".join(RASTER_SUFFIXES)}).'
            )
        return list(samples.values())

    def root(self, samples: Sequence[dict]) -> Path:
        """Return the folder by which checked files are remembered."""
        return Path(self.data_root or Path(samples[0]['img_path']).parent)

    def wants(self, part: str, stem: str) -> bool:
        """Tell whether a file belongs to a part of the split.

        Args:
            part: ``train``, ``val`` or ``test``.
            stem: File name without its suffix.
        """
        return True

    def describe(self, stem: str) -> dict[str, Any]:
        """Return what a file's name says, for the sample's dict.

        Args:
            stem: File name without its suffix.
        """
        return {}

    def _sample(self, stem: str, image: Path, mask: Path | None) -> dict:
        labels = {} if mask is None else dict(seg_map_path=str(mask))
        return dict(
            img_path=str(image),
            **labels,
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[],
            **self.describe(stem),
        )

    def _folders(self) -> list[tuple[str, Path, Path | None]]:
        """Find the folders of images and masks of each part of the split."""
        parts = self.split.split('+')
        if self.data_prefix.get('img_path'):
            chosen = [
                Path(self.data_prefix[key])
                if self.data_prefix.get(key)
                else None
                for key in ('img_path', 'seg_map_path')
            ]
            for folder in chosen:
                if folder is not None and not folder.is_dir():
                    raise missing_folder(
                        type(self).__name__, folder.parent, [folder.name]
                    )
            return [(part, *chosen) for part in parts]
        if self.data_root is None:
            raise DatasetError(
                f'{type(self).__name__}: neither data_root nor data_prefix '
                'is given.\nNext: set data_root to the folder that holds '
                'the dataset.'
            )
        owner, root = type(self).__name__, Path(self.data_root)
        return [(part, *self.LAYOUT.find(owner, root, part)) for part in parts]

    def _check_classes(self, metainfo: Mapping | None) -> None:
        expected = tuple(self.METAINFO['classes'])
        classes = tuple((metainfo or {}).get('classes', expected))
        if len(classes) != 2 or classes != expected:
            raise ValueError(
                f'{type(self).__name__} has the {len(expected)} classes '
                f'{expected}, in this order, but metainfo gives '
                f'{len(classes)}: {classes}. Leave classes out of metainfo'
            )
