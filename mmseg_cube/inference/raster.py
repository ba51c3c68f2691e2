"""Prediction of rasters of any size, window by window."""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch
from mmseg.models import BaseSegmentor
from torch import Tensor

from mmseg_cube.datasets.windows import Window, cut_grid, take_window
from mmseg_cube.evaluation.views import VIEWS
from mmseg_cube.inference.network import BuildingNetwork
from mmseg_cube.inference.scene import Scene
from mmseg_cube.ops.geometry import check_choice, check_whole
from mmseg_cube.utils.networks import refuse_other_channels

Rows = tuple[int, int]  # the first one, and the one behind the last
AT_ONCE = 64  # rows that are given out, for they are copied


@dataclass(frozen=True)
class Tiling:
    """How a raster is cut into windows and passed through a network.

    ``tta`` and ``amp`` are those of ``BuildingNetwork``.
    """

    size: int = 512  # side of the windows in pixels
    stride: int | None = None  # from one to the next; half of the size
    batch: int = 4  # windows that pass through the network at a time
    tta: str = 'none'
    amp: bool = False

    def __post_init__(self) -> None:
        check_whole(1, size=self.size, batch=self.batch)
        if self.stride is None:
            object.__setattr__(self, 'stride', max(self.size // 2, 1))
        check_choice('tta', self.tta, tuple(VIEWS))
        self.starts(self.size)  # refuses a wrong stride

    def starts(self, length: int) -> list[int]:
        """Return where windows begin along a side of a raster."""
        cuts = cut_grid(length, *[self.size] * 2, self.stride)
        return [cut.window.y for cut in cuts]


def predict_bands(
    model: BaseSegmentor,
    source: str | Path | Scene,
    tiling: Tiling | None = None,
    rows: Rows | None = None,
) -> Iterator[np.ndarray]:
    """Predict a raster, or some of its rows, from top to bottom.

    Overlapping windows are blended. Only a band as high as a window is kept,
    so that memory does not grow with the height of the raster. Windows
    without data do not pass through the network. No batch has windows of
    two rows, so that values do not depend on the rows that are asked for.

    Args:
        model: Segmentor of background and building, on its device.
        source: A raster; it is reflected if smaller than a window.
        tiling: How to cut it.
        rows: Those to predict, all by default.

    Yields:
        Building probabilities of the next rows, float32 of shape (rows,
        width); nan where the raster declares that it has no data, and
        outside of the AOI of its scene.

    Raises:
        FileError: If the raster cannot be read.
        ValueError: If the network has other classes or channels, or gives
            values that are no numbers.
    """
    tiling = tiling or Tiling()
    scene = source if isinstance(source, Scene) else Scene(source)
    refuse_other_channels(model, scene.channels.count)
    network = BuildingNetwork(model, tiling.tta, tiling.amp)
    size, (height, width) = tiling.size, scene.shape
    first, last = rows or (0, height)
    if not 0 <= first < last <= height:
        raise ValueError(f'{scene.name} has {height} rows, no {rows}')
    starts, lefts = tiling.starts(height), tiling.starts(width)
    tops = [top for top in starts if first - size < top < last]
    down = blending_shares(starts, size, network.device)
    across = blending_shares(lefts, size, network.device)
    # A window may be larger than the raster; what is beyond is cut off.
    band = torch.zeros(size, max(width, size), device=network.device)
    batches = _one_ahead(_read_windows(scene, tops, lefts, tiling))
    ends = [*tops[1:], last]
    groups = groupby(batches, itemgetter(0))
    for (top, row), end in zip(groups, ends, strict=True):
        for _, wanted, places, images in row:  # noqa: B007, used below
            if not places:  # none of the row has data
                continue
            for left, probability in zip(places, network(images), strict=True):
                weights = down[top][:, None] * across[left]
                band[:, left : left + size] += weights * probability
        ready = range(max(first - top, 0), end - top)
        for start in ready[::AT_ONCE]:
            piece = slice(start, min(start + AT_ONCE, ready.stop))
            values = _to_numbers(scene, band[piece, :width])
            if wanted is not None:
                values[~wanted[piece]] = np.nan
            yield values
        _move_up(band, end - top)


def predict_strip(
    model: BaseSegmentor,
    path: str | Path | Scene,
    rows: Rows,
    tiling: Tiling | None = None,
) -> np.ndarray:
    """Predict some rows of a raster, of shape (rows, width).

    The values are those that these rows have in the whole raster, down to
    the last bit: processes may share a raster by its strips. Arguments,
    values and errors are those of :func:`predict_bands`.
    """
    scene = path if isinstance(path, Scene) else Scene(path)
    with scene.cache((tiling or Tiling()).size):
        bands = predict_bands(model, scene, tiling, rows=rows)
        return np.concatenate([*bands])


def predict_raster(
    model: BaseSegmentor,
    path: str | Path | Scene,
    tiling: Tiling | None = None,
) -> np.ndarray:
    """Predict a raster as :func:`predict_strip`, whole, of shape (H, W)."""
    return predict_strip(model, path, None, tiling)


def blending_shares(
    starts: Collection[int], size: int, device: torch.device | None = None
) -> dict[int, Tensor]:
    """Share of each window in the values along one axis, by its start.

    A window counts most in its middle, where the network sees most of the
    surroundings, and least, but not nothing, at its ends: a Hann window at
    the centres of pixels. At every pixel the shares add up to one. In the
    plane, those of both axes are multiplied.
    """
    centres = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    bump = (torch.pi * centres).sin() ** 2
    total = torch.zeros(max(starts) + size, dtype=torch.float64)
    for start in starts:
        total[start : start + size] += bump
    return {
        start: (bump / total[start : start + size]).float().to(device)
        for start in starts
    }


def _read_windows(
    scene: Scene, tops: Sequence[int], lefts: Sequence[int], tiling: Tiling
) -> Iterator[tuple]:
    """Read the windows that have data, in batches.

    Yields their row, where that has data, their columns and their pixels;
    what has no data is black. A row without any is one empty batch.
    """
    (height, width), size = scene.shape, tiling.size
    for top in tops:
        rows = min(size, height - top)
        row = Window(0, top, width, rows)
        wanted = scene.wanted(row, valid := scene.valid(row))
        # In the row, and in the raster.
        inner = {left: Window(left, 0, size, size) for left in lefts}
        outer = {left: inner[left]._replace(y=top) for left in lefts}
        places = [
            left
            for left in lefts
            if wanted is None or take_window(wanted, inner[left]).any()
        ]
        for start in range(0, max(len(places), 1), tiling.batch):
            chosen = places[start : start + tiling.batch]
            images = [scene.read(outer[left]) for left in chosen]
            if valid is not None:
                seen = [take_window(valid, inner[left]) for left in chosen]
                images = [x * y for x, y in zip(images, seen, strict=True)]
            yield top, wanted, chosen, np.stack(images) if chosen else None


def _one_ahead(items: Iterator[tuple]) -> Iterator[tuple]:
    """Make the next item in a thread of its own while one is used."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = maker.submit(next, items, None)
            yield item


def _to_numbers(scene: Scene, rows: Tensor) -> np.ndarray:
    if not rows.isfinite().all():
        raise ValueError(
            f'{scene.name}: the network gives values that are no numbers, so '
            'its weights are broken or too large for float16. Try without '
            'automatic mixed precision, and look for a loss of nan in the '
            'log of its training'
        )
    # Shares add up to one, but for the last digit.
    return rows.to('cpu', copy=True).clamp_(max=1).numpy()


def _move_up(band: Tensor, count: int) -> None:
    """Drop the first rows of a band without a second one in memory."""
    for start in range(count, len(band), count):
        rows = band[start : start + count]
        band[start - count : start - count + len(rows)] = rows
    band[len(band) - count :] = 0
