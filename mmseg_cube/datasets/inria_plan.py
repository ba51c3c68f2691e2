"""From the tiles of Inria to the samples of a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .building_windows import (
    find_swap,
    image_shape,
    mask_shape,
    mismatch,
    naming,
)
from .checks import inspect_samples, refuse
from .errors import RasterError
from .inria_windows import (
    WINDOW_SIZE,
    check_protocol,
    count_buildings,
    kept_patches,
)
from .masks import read_building_mask
from .verified import VerifiedFiles
from .windows import Cut, cut_grid

KINDS = ('random', 'grid', 'whole')


@dataclass(frozen=True)
class WindowPlan:
    """Which windows of every tile become samples.

    Args:
        protocol: ``full`` or ``buildformer``.
        windows: ``random``, ``grid`` or ``whole``.
        size: Side of the windows in pixels.
        stride: Distance of neighbouring windows of a grid; ``size`` by
            default.
        per_tile: Random windows of each tile; by default as many as a grid
            of this size would have.

    Raises:
        ValueError: If an argument is wrong or does not go with the others.
    """

    protocol: str = 'full'
    windows: str = 'grid'
    size: int = WINDOW_SIZE
    stride: int | None = None
    per_tile: int | None = None

    def __post_init__(self) -> None:
        check_protocol(self.protocol)
        if self.windows not in KINDS:
            raise ValueError(
                f'windows must be one of {", ".join(KINDS)}, not '
                f'{self.windows!r}'
            )
        if self.protocol == 'buildformer' and self.windows != 'grid':
            raise ValueError(
                'protocol="buildformer" names its own patches, so windows '
                f'must be "grid" or None, not {self.windows!r}'
            )
        if self.size < 1:
            raise ValueError(f'window_size must be positive, not {self.size}')
        if self.stride is not None and (
            self.windows != 'grid' or self.protocol != 'full'
        ):
            raise ValueError(
                f'stride={self.stride} is for windows="grid" of '
                'protocol="full" only; leave it out'
            )
        if self.per_tile is not None and self.windows != 'random':
            raise ValueError(
                f'windows_per_tile={self.per_tile} is for windows="random" '
                'only; leave it out'
            )
        if self.per_tile is not None and self.per_tile < 1:
            raise ValueError(
                f'windows_per_tile must be positive, not {self.per_tile}'
            )
        if self.stride is not None:
            cut_grid(self.size, self.size, self.size, self.stride)

    def apply(self, owner: str, tiles: Sequence[dict], root: Path) -> list:
        """List the samples of tiles, tile by tile.

        Args:
            owner: Name of the dataset class, for error texts.
            tiles: Samples that hold whole tiles.
            root: Folder of the dataset.

        Raises:
            DatasetError: If files cannot be read.
            ValueError: If a tile is smaller than the windows, or has no mask
                to choose its patches by.
        """
        if self.protocol == 'buildformer' and not all(
            'seg_map_path' in tile for tile in tiles
        ):
            raise ValueError(
                'protocol="buildformer" keeps patches by their buildings, but '
                'this split has no masks. Use protocol="full"'
            )
        found = inspect_samples(
            tiles,
            root,
            partial(_inspect, plan=self),
            f'{owner}: reading headers'
            if self.protocol == 'full'
            else f'{owner}: looking for patches with buildings',
        )
        refuse(owner, [x for x in found if isinstance(x, str)], len(tiles))
        return [sample for samples in found for sample in samples]

    def samples(
        self, tile: dict, shape: tuple[int, int], verified: VerifiedFiles
    ) -> list[dict]:
        """List the samples of a tile.

        Args:
            tile: The sample that holds all of it.
            shape: Its height and width in pixels.
            verified: Memory of what was learnt from the masks.

        Raises:
            RasterError: If it is smaller than the windows.
            OSError: If its mask cannot be opened.
        """
        if self.windows == 'whole':
            return [tile]
        if self.protocol == 'buildformer':
            counts = _count_buildings(
                tile['seg_map_path'], self.size, verified
            )
            return _cut(tile, kept_patches(shape, counts, self.size))
        if self.size > min(shape):
            raise RasterError(
                f'has {shape[1]} x {shape[0]} pixels, less than a window of '
                f'{self.size}',
                f'Set window_size to {min(shape)} or less.',
            )
        cuts = cut_grid(*shape, self.size, self.stride)
        if self.windows == 'grid':
            return _cut(tile, cuts)
        sample = dict(tile, window_size=self.size)
        return [sample] * (self.per_tile or len(cuts))


def _cut(tile: dict, cuts: Sequence[Cut]) -> list[dict]:
    return [dict(tile, window=window, core=core) for window, core in cuts]


def _inspect(
    tile: dict, verified: VerifiedFiles, plan: WindowPlan
) -> list[dict] | str:
    """List the samples of a tile, or say what is wrong with it."""
    path, mask_path = tile['img_path'], tile.get('seg_map_path')
    try:
        with naming(path):
            shape = image_shape(path)
        if mask_path is not None:
            with naming(mask_path):
                fault = mismatch(mask_path, shape, mask_shape(mask_path))
            if fault:
                return fault
        with naming(path):
            return plan.samples(tile, shape, verified)
    except (ValueError, OSError) as error:
        swap = mask_path and find_swap(path, mask_path)
        return f'{path}: {swap}' if swap else str(error)


def _count_buildings(
    path: str, size: int, verified: VerifiedFiles
) -> Sequence[int]:
    """Count the building pixels of a mask's patches, unless that is known."""
    kind = f'buildings in patches of {size}'
    counts = verified.recall(kind, path)
    if counts is None:
        stamp = verified.stamp(path)
        with naming(path):
            mask = read_building_mask(path, path)
        counts = count_buildings(mask, size)
        verified.remember(kind, path, stamp, counts)
        verified.remember('mask', path, stamp, mask.shape)
    return counts
