"""Measure how fast the windows of large tiles are read in one process."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import torch
from mmengine.registry import init_default_scope

from mmseg_cube.analysis.benchmark.rounds import (
    Spread,
    paired_ratio,
    time_in_turns,
)
from mmseg_cube.datasets import InriaDataset
from mmseg_cube.datasets.raster_windows import close_rasters

WINDOWS, REOPENED, WHOLE = (
    'windows of open files',
    'windows, each file opened anew',
    'whole tiles, cut to windows',
)
BAR = 60.0  # windows of 512 x 512 a second of an uncompressed tile
BAR_SIZE = 512
PER_CALL = 8  # windows that one timed call reads
HEAD = ('path', 'ms per window', 'quartiles', 'windows/s', 'speed-up', 'bar')


class Result(NamedTuple):
    """Time of one way to read windows.

    Attributes:
        name: The way.
        seconds: Time per window.
        speed_up: How many times faster than by whole tiles.
        bar: Windows per second to reach; None if there is no bar.
    """

    name: str
    seconds: Spread
    speed_up: Spread
    bar: float | None = None

    @property
    def rate(self) -> float:
        """Windows per second, by the median time."""
        return 1 / self.seconds.median

    @property
    def passes(self) -> bool | None:
        """Whether it keeps to its bar; None if there is none."""
        return None if self.bar is None else self.rate >= self.bar


def draw_tile(root: Path, size: int = 5000) -> Path:
    """Write an uncompressed tile of noise in the layout of Inria.

    Args:
        root: Folder that gets the folders of the dataset.
        size: Side of the tile in pixels.

    Returns:
        ``root``.
    """
    generator = np.random.default_rng(0)
    for folder, bands in (('images', 3), ('gt', 1)):
        path = root / 'train' / folder / 'austin1.tif'
        path.parent.mkdir(parents=True, exist_ok=True)
        values = generator.integers(0, 256, (bands, size, size), np.uint8)
        if bands == 1:
            values = values // 128 * 255
        profile = dict(count=bands, height=size, width=size, dtype='uint8')
        # A place, so that GDAL does not warn that there is none.
        place = dict(crs='EPSG:26914', transform=rasterio.Affine.scale(0.3))
        with rasterio.open(path, 'w', 'GTiff', **profile, **place) as file:
            file.write(values)
    return root


def compare(
    root: Path,
    size: int = 512,
    repeats: int = 20,
    split: str = 'val',
    judge: bool = True,
) -> list[Result]:
    """Time windows against the whole tiles that they would be cut from.

    Training draws from more tiles than are kept open, so most of its windows
    cost what the second way does.

    Args:
        root: Folder of the Inria dataset.
        size: Side of the windows in pixels.
        repeats: Rounds of timing.
        split: Split of the dataset.
        judge: Whether the bar holds for these files.
    """
    init_default_scope('mmseg')
    windows = _dataset(
        root, split, [dict(type='LoadRasterWindow')], 'random', size
    )
    tiles = _dataset(
        root,
        split,
        [
            dict(type='LoadImageFromFile'),
            dict(type='LoadBuildingMask'),
            dict(type='RandomCrop', crop_size=(size, size)),
        ],
        'whole',
        size,
    )
    draw = np.random.default_rng(0).integers

    def read_windows(reopen: bool) -> None:
        for _ in range(PER_CALL):
            if reopen:
                close_rasters()
            windows[int(draw(len(windows)))]

    calls = {
        WINDOWS: lambda: read_windows(False),
        REOPENED: lambda: read_windows(True),
        WHOLE: lambda: tiles[int(draw(len(tiles)))],
    }
    times = time_in_turns(calls, repeats, torch.device('cpu'))
    for name in (WINDOWS, REOPENED):
        times[name] = [seconds / PER_CALL for seconds in times[name]]
    bar = BAR if judge and size == BAR_SIZE else None
    return [
        Result(
            name,
            Spread.of(sample),
            paired_ratio(times[WHOLE], sample),
            None if name == WHOLE else bar,
        )
        for name, sample in times.items()
    ]


def tabulate(results: list[Result]) -> list[list[str]]:
    """Lay results out as rows of a table, the head first."""
    rows = [list(HEAD)]
    for result in results:
        low, median, high = (1e3 * value for value in result.seconds)
        verdict = 'pass' if result.passes else 'miss'
        rows.append(
            [
                result.name,
                f'{median:.2f}',
                f'{low:.2f} - {high:.2f}',
                f'{result.rate:.1f}',
                f'{result.speed_up.median:.1f}',
                '' if result.bar is None else f'{result.bar:.0f} {verdict}',
            ]
        )
    return rows


def as_numbers(results: list[Result]) -> list[Mapping]:
    """Lay results out for JSON."""
    return [
        dict(
            name=result.name,
            seconds=result.seconds._asdict(),
            windows_per_second=result.rate,
            speed_up=result.speed_up._asdict(),
            bar=result.bar,
            passes=result.passes,
        )
        for result in results
    ]


def _dataset(
    root: Path, split: str, pipeline: list[dict], windows: str, size: int
) -> InriaDataset:
    return InriaDataset(
        split,
        root,
        windows=windows,
        window_size=size,
        pipeline=pipeline,
        verify=False,
    )
