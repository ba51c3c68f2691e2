import logging
from collections.abc import Callable, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmseg.registry import DATASETS

from mmseg_cube.datasets import checks, contract, inria_tiles, masks
from mmseg_cube.datasets.building import BuildingDataset
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.inria_tiles import WINDOW_SIZE, parse_tile
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.windows import Window, cut_grid, refuse_smaller
from mmseg_cube.ops.geometry import check_choice, check_whole
from mmseg_cube.utils.words import name_some

KINDS = ('random', 'grid', 'whole')  # of windows


@DATASETS.register_module()
class InriaDataset(BuildingDataset):
    """Inria Aerial Image Labeling, read as windows of its tiles.

    * source: Maggiori et al., IGARSS 2017, doi 10.1109/IGARSS.2017.8127684
    * tiles: 5000 x 5000 px RGB GeoTIFF, 0.3 m per pixel, 36 per region
    * masks: one band, 0 background and 255 building; none for ``test``
    * splits: ``val`` (25) is tiles 1-5 of the five training regions,
      ``train`` (155) their rest, ``test`` (180) five other regions
    * layout: ``{train,test}/images/<region><n>.tif``, ``train/gt/`` likewise

    Published scores follow one of two protocols, which differ by several
    points of IoU:

    * ``full``: every pixel of the tiles;
    * ``buildformer``: tiles are padded to 5120 x 5120 by reflection and cut
      into patches of 512 x 512, and only those with more than 5 % building
      are trained on, validated on and, since the same patches serve as test,
      tested on. On the real data these are 9,737 patches for training and
      1,942 for validation, as published.

    ``LoadImageFromFile`` and ``LoadBuildingMask`` load the window of a sample.
    Samples also hold ``region`` and ``tile``, its number.

    Errors and other arguments are those of ``BuildingDataset``.

    Args:
        split: One of ``SPLITS``.
        data_root: Folder ``AerialImageDataset``, or its parent.
        regions: Regions to use, by default all of the split.
        protocol: ``full`` or ``buildformer``.
        windows: ``random``: each sample is a window that is drawn anew
            whenever it is loaded, as many as cover the tiles; ``grid``: the
            windows of the protocol, and under ``full`` each pixel counts in
            one of them only, however they overlap; ``whole``: whole tiles.
            By default ``random`` to train on ``full``, ``grid`` for all else.
        window_size: Side of the windows in pixels; published ones use 512.
    """

    LAYOUT = inria_tiles.LAYOUT

    def __init__(
        self,
        split: str = 'train',
        data_root: str = 'data/AerialImageDataset',
        regions: str | Sequence[str] | None = None,
        protocol: str = 'full',
        windows: str | None = None,
        window_size: int = WINDOW_SIZE,
        **kwargs,
    ) -> None:
        known = inria_tiles.regions_of(split)
        regions = [regions] if isinstance(regions, str) else regions
        self.regions = known if regions is None else tuple(regions)
        self._named = regions is not None
        if not self.regions or not set(self.regions) <= set(known):
            raise ValueError(
                f'regions of split {split!r} must be some of '
                f'{", ".join(known)}, not {self.regions}'
            )
        trains = 'train' in split and not kwargs.get('test_mode')
        usual = 'random' if trains and protocol == 'full' else 'grid'
        self.windows = usual if windows is None else windows
        self.window_size, self.protocol = window_size, protocol
        check_whole(1, window_size=window_size)
        check_choice('windows', self.windows, KINDS)
        check_choice('protocol', protocol, inria_tiles.PROTOCOLS)
        if protocol == 'buildformer' and windows not in (None, 'grid'):
            raise ValueError(
                'protocol="buildformer" names its own patches, so windows '
                f'must be "grid" or None, not {windows!r}'
            )
        super().__init__(split, data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the windows of the split's tiles, and check these."""
        tiles = super().load_data_list()
        self._compare({f'{tile["region"]}{tile["tile"]}' for tile in tiles})
        if self.windows == 'whole':
            return tiles
        make = self._cut if self.protocol == 'full' else self._choose_patches
        pairs = zip(tiles, make(tiles), strict=True)
        return [dict(tile, **part) for tile, parts in pairs for part in parts]

    def wants(self, split: str, stem: str) -> bool:
        """Apply the split rule and the choice of regions."""
        chosen = inria_tiles.in_split(split, stem)
        return chosen and parse_tile(stem)[0] in self.regions

    @property
    def source(self) -> dict[str, str]:
        """Whose scores those of its samples are, and by which protocol."""
        return dict(super().source, protocol=self.protocol)

    def describe(self, name: str) -> dict[str, str | int]:
        """Return region and tile number, which the file name gives."""
        return dict(zip(('region', 'tile'), parse_tile(name), strict=True))

    def _compare(self, there: set[str]) -> None:
        """Compare the tiles that are there with those that Inria has.

        Raises:
            DatasetError: If a region that was asked for has no tile.
        """
        every = inria_tiles.tiles_of(self.split)
        empty = sorted(set(self.regions) - {parse_tile(x)[0] for x in there})
        if empty and self._named:
            raise DatasetError(
                f'InriaDataset: split {self.split!r} has no tile of '
                f'{", ".join(empty)} in {self.data_root}.\nNext: take these '
                'out of regions, or add their tiles.'
            )
        lacking = [
            name
            for name in every
            if parse_tile(name)[0] in self.regions and name not in there
        ]
        if len(there) < len(every):
            self.part = f'{len(there)} of {len(every)} tiles'
            if len(self.regions) < len(inria_tiles.regions_of(self.split)):
                self.part += f' ({", ".join(self.regions)})'
        if lacking:
            print_log(
                f'InriaDataset {self.split} is not complete: {self.part}; '
                f'there is no {name_some(lacking)}. Its scores are not those '
                f'of protocol "{self.protocol}".',
                'current',
                logging.WARNING,
            )

    def _cut(self, tiles: Sequence[dict]) -> list[list[dict]]:
        """Cut tiles as ``full`` does."""
        self.refuse_to_train_without_masks(tiles)  # before they are read
        size = self.window_size

        def cut(tile: Tile, facts: checks.FileFacts) -> list[dict]:
            with errors_of(tile.image):  # by its header, before all is read
                shape = contract.image_shape(tile.image, self.channels)
                refuse_smaller(shape, size)
            if self.verify:
                self.look(tile, facts)
            cuts = cut_grid(*shape, size)
            if self.windows == 'random':  # as many as cover it
                return [dict(window_size=size)] * len(cuts)
            return [cut._asdict() for cut in cuts]

        return [*self._inspect(tiles, cut, 'checking files').values()]

    def _choose_patches(self, tiles: Sequence[dict]) -> list[list[dict]]:
        """Find the patches of tiles that ``buildformer`` keeps."""
        if not all('seg_map_path' in tile for tile in tiles):
            raise ValueError(
                'protocol="buildformer" keeps patches by their buildings, '
                'but this split has no masks. Use protocol="full"'
            )

        # All masks tell what a building is in each of them.
        learnt = self._inspect(tiles, self.look, 'checking files')
        meaning = checks.settle_meaning(self, learnt, {})
        size = self.window_size

        def learn(path: Path) -> list[Window]:
            mask = masks.read_mask(path, meaning=meaning)
            return inria_tiles.built_patches(mask, size)

        def choose(tile: Tile, facts: checks.FileFacts) -> list[dict]:
            kind = f'patches of {size} {meaning}'
            with errors_of(tile.mask):
                windows = facts.recall(kind, tile.mask, learn)
            return [dict(window=x, core=x) for x in starmap(Window, windows)]

        doing = 'looking for patches with buildings'
        return [*self._inspect(tiles, choose, doing).values()]

    def _inspect(
        self, tiles: Sequence[dict], inspect: Callable, doing: str
    ) -> dict[Tile, Any]:
        """Look into tiles, and refuse those that are at fault."""
        found, faults = checks.inspect_samples(self, tiles, inspect, doing)
        checks.refuse_faults(self, faults, len(tiles))
        return found
