"""Prediction of whole rasters of any size, window by window."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmseg.models import BaseSegmentor
from torch import Tensor

from mmseg_cube.datasets.contract import image_shape, read_rgb
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window, cut_grid
from mmseg_cube.inference.network import BuildingNetwork

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Tiling:
    """How a raster is cut into windows and passed through a network.

    ``tta`` and ``amp`` are those of ``BuildingNetwork``.
    """

    size: int = 512  # side of the windows in pixels
    stride: int | None = None  # from one to the next; half of the size
    batch: int = 4  # windows that pass through the network at a time
    tta: bool = False
    amp: bool = False

    def __post_init__(self) -> None:
        for name in ('size', 'batch'):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f'{name} must be positive, not {value}')
        if self.stride is None:
            object.__setattr__(self, 'stride', max(self.size // 2, 1))
        cut_grid(*[self.size] * 3, self.stride)  # refuses a wrong stride


def predict_bands(
    model: BaseSegmentor,
    path: str | Path,
    tiling: Tiling | None = None,
    progress: Progress | None = None,
) -> Iterator[np.ndarray]:
    """Predict a raster from top to bottom.

    Overlapping windows are blended. Only a band as high as a window is kept,
    so that memory does not grow with the height of the raster.

    Args:
        model: Segmentor of background and building, on its device.
        path: An 8-bit RGB image; reflected if smaller than a window.
        tiling: How to cut it.
        progress: Called with the number of windows done, and of all.

    Yields:
        Building probabilities of the next rows, float32 of shape (rows,
        width); 0 where the image declares that it has no data.

    Raises:
        FileError: If the image cannot be read or is not 8-bit RGB.
        ValueError: If the network has other classes, or gives values that
            are no numbers.
    """
    tiling = tiling or Tiling()
    with errors_of(str(path)):
        height, width = image_shape(path)
    network = BuildingNetwork(model, tiling.tta, tiling.amp)
    size = tiling.size
    cuts = cut_grid(height, width, size, tiling.stride)
    windows = [cut.window for cut in cuts]
    rows = blending_shares({w.y for w in windows}, size, network.device)
    columns = blending_shares({w.x for w in windows}, size, network.device)
    # A window may be larger than the raster; what is beyond is cut off.
    band = torch.zeros(size, max(width, size), device=network.device)
    top = done = 0
    starts = range(0, len(windows), tiling.batch)
    batches = [windows[i : i + tiling.batch] for i in starts]
    for batch, images in zip(batches, _read_ahead(path, batches), strict=True):
        for window, probability in zip(batch, network(images), strict=True):
            if window.y > top:
                ready = band[: window.y - top]
                yield _finish(path, ready[:, :width], top)
                band = torch.cat([band[len(ready) :], torch.zeros_like(ready)])
                top = window.y
            weights = rows[window.y][:, None] * columns[window.x]
            band[:, window.x : window.x + size] += weights * probability
        done += len(batch)
        if progress is not None:
            progress(done, len(windows))
    yield _finish(path, band[: height - top, :width], top)


def predict_raster(
    model: BaseSegmentor,
    path: str | Path,
    tiling: Tiling | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Predict a raster as :func:`predict_bands`, whole, of shape (H, W)."""
    return np.concatenate([*predict_bands(model, path, tiling, progress)])


def predict_mask(
    model: BaseSegmentor,
    path: str | Path,
    threshold: float = 0.5,
    tiling: Tiling | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Predict buildings, where probabilities are above a threshold.

    Returned are 0 and 1, uint8 of shape (H, W); other arguments and errors
    are those of :func:`predict_bands`.
    """
    bands = predict_bands(model, path, tiling, progress)
    return np.concatenate([np.uint8(band > threshold) for band in bands])


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


def _read_ahead(
    path: str | Path, batches: Sequence[Sequence[Window]]
) -> Iterator[np.ndarray]:
    """Read batches of windows, one ahead of the network."""

    def read(batch: Sequence[Window]) -> np.ndarray:
        with errors_of(str(path)):
            return np.stack([read_rgb(path, window) for window in batch])

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, batches[0])
        for batch in batches[1:]:
            ready, coming = coming, reader.submit(read, batch)
            yield ready.result()
        yield coming.result()


def _finish(path: str | Path, rows: Tensor, top: int) -> np.ndarray:
    if not rows.isfinite().all():
        raise ValueError(
            f'{path}: the network gives values that are no numbers, so its '
            'weights are broken or too large for float16. Try without '
            'automatic mixed precision, and look for a loss of nan in the '
            'log of its training'
        )
    values = rows.cpu().numpy()
    with errors_of(str(path)):
        valid = read_valid(path, Window(0, top, *values.shape[::-1]))
    if valid is not None:
        values[~valid] = 0
    return values
