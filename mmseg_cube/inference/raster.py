"""Prediction of whole rasters of any size, window by window."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmseg.models import BaseSegmentor

from mmseg_cube.datasets.contract import image_shape
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.rasters import read_raster
from mmseg_cube.datasets.windows import Window, cut_grid
from mmseg_cube.inference.blending import blending_shares
from mmseg_cube.inference.network import BuildingNetwork

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Tiling:
    """How a raster is cut into windows and passed through a network.

    Args:
        size: Side of the windows in pixels.
        stride: Distance of neighbouring windows; half of ``size`` by default.
        batch: Windows that pass through the network at a time.
        tta: Average over the views of ``BuildingNetwork``.
        amp: Run the network under autocast.

    Raises:
        ValueError: If a number is out of its range.
    """

    size: int = 512
    stride: int | None = None
    batch: int = 4
    tta: bool = False
    amp: bool = False

    def __post_init__(self) -> None:
        for name in ('size', 'batch'):
            if getattr(self, name) < 1:
                raise ValueError(
                    f'{name} must be positive, not {getattr(self, name)}'
                )
        if self.stride is None:
            object.__setattr__(self, 'stride', max(self.size // 2, 1))
        cut_grid(self.size, self.size, self.size, self.stride)


class Band(NamedTuple):
    """Some rows of a raster, over its full width.

    Attributes:
        top: The first row.
        probability: Building probabilities, float32 of shape (rows, width).
    """

    top: int
    probability: np.ndarray


def predict_bands(
    model: BaseSegmentor,
    path: str | Path,
    tiling: Tiling | None = None,
    progress: Progress | None = None,
) -> Iterator[Band]:
    """Predict a raster from top to bottom.

    Overlapping windows are blended. Only a band of as many rows as a window
    has is kept, so that memory does not grow with the height of the raster.

    Args:
        model: Segmentor of background and building, on its device.
        path: An 8-bit RGB image in a format of GDAL, of any size; one that
            is smaller than a window is reflected.
        tiling: How to cut it.
        progress: Called after every batch with the number of windows that
            are done, and that of all.

    Yields:
        Bands that follow each other and cover the raster.

    Raises:
        ValueError: If the image cannot be read or is not 8-bit RGB, or the
            network has other classes or gives values that are no numbers.
    """
    tiling = tiling or Tiling()
    with errors_of(str(path)):
        height, width = image_shape(path)
    network = BuildingNetwork(model, tiling.tta, tiling.amp)
    size = tiling.size
    cuts = cut_grid(height, width, size, tiling.stride)
    windows = [cut.window for cut in cuts]
    rows, columns = (
        {
            start: share.to(network.device)
            for start, share in blending_shares(starts, size).items()
        }
        for starts in ({w.y for w in windows}, {w.x for w in windows})
    )
    # A window may be larger than the raster; what is beyond is cut off.
    band = torch.zeros(size, max(width, size), device=network.device)
    top = done = 0
    batches = [
        windows[i : i + tiling.batch]
        for i in range(0, len(windows), tiling.batch)
    ]
    for batch, images in zip(batches, _read_ahead(path, batches), strict=True):
        for window, probability in zip(batch, network(images), strict=True):
            if window.y > top:
                ready = window.y - top
                yield _finish(path, top, band[:ready, :width])
                empty = torch.zeros_like(band[:ready])
                band = torch.cat([band[ready:], empty])
                top = window.y
            weights = rows[window.y][:, None] * columns[window.x]
            band[:, window.x : window.x + size] += weights * probability
        done += len(batch)
        if progress is not None:
            progress(done, len(windows))
    yield _finish(path, top, band[: height - top, :width])


def predict_raster(
    model: BaseSegmentor,
    path: str | Path,
    tiling: Tiling | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Predict the building probability of a raster that fits into memory.

    Arguments and errors are those of :func:`predict_bands`.

    Returns:
        float32 of shape (H, W).
    """
    bands = predict_bands(model, path, tiling, progress)
    return np.concatenate([band.probability for band in bands])


def predict_mask(
    model: BaseSegmentor,
    path: str | Path,
    threshold: float = 0.5,
    tiling: Tiling | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Predict the buildings of a raster whose mask fits into memory.

    Arguments and errors are those of :func:`predict_bands`; a pixel is a
    building if its probability is above the threshold.

    Returns:
        uint8 of shape (H, W), 0 for background and 1 for building.
    """
    bands = predict_bands(model, path, tiling, progress)
    return np.concatenate(
        [(band.probability > threshold).astype(np.uint8) for band in bands]
    )


def _read_ahead(
    path: str | Path, batches: Sequence[Sequence[Window]]
) -> Iterator[np.ndarray]:
    """Read batches of windows, one ahead of the network."""

    def read(batch: Sequence[Window]) -> np.ndarray:
        with errors_of(str(path)):
            return np.stack([read_raster(path, window) for window in batch])

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, batches[0])
        for batch in batches[1:]:
            ready, coming = coming, reader.submit(read, batch)
            yield ready.result()
        yield coming.result()


def _finish(path: str | Path, top: int, rows: torch.Tensor) -> Band:
    if not rows.isfinite().all():
        raise ValueError(
            f'{path}: the network gives values that are no numbers, so its '
            'weights are broken or too large for float16. Try without '
            'automatic mixed precision, and look for a loss of nan in the '
            'log of its training'
        )
    return Band(top, rows.cpu().numpy())
