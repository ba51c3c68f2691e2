"""What masks do to the pixels of images, in numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

# A mask whose values spread less is called constant (this project).
LEAST_SD = 0.01


@dataclass(frozen=True)
class MaskValues:
    """What a mask does to the pixels of the lattice.

    Attributes:
        count: Number of pixels.
        min: Smallest value.
        mean: Mean.
        max: Largest value.
        sd: Standard deviation.
        places: Mean over the lattice pixels at each place of a cell, row by
            row: a mask that tells these apart scales channels.
        building: Mean over true buildings; None where there are none.
        ground: Mean over true background, likewise.
    """

    count: int
    min: float
    mean: float
    max: float
    sd: float
    places: tuple[float, ...]
    building: float | None
    ground: float | None

    @property
    def constant(self) -> bool:
        """Whether it hardly tells pixels apart."""
        return self.sd < LEAST_SD


def measure_mask(
    mask: np.ndarray, truth: np.ndarray, size: tuple[int, int], scale: int
) -> MaskValues:
    """Measure a mask over an image.

    Args:
        mask: Values of shape (r * H, r * W).
        truth: Labels 0 and 1, and 255 to ignore, of the image's shape.
        size: Height and width of the image with its padding.
        scale: Lattice pixels per cell and axis, r.
    """
    # Padding is on the right and below.
    rows, columns = (
        -(-n * cells // whole)
        for n, cells, whole in zip(truth.shape, mask.shape, size, strict=True)
    )
    inside = mask[:rows, :columns]
    over = mask_over(mask, truth.shape, size)
    means = [
        float(over[truth == label].mean(dtype=np.float64))
        if (truth == label).any()
        else None
        for label in (1, 0)
    ]
    return MaskValues(
        inside.size,
        float(inside.min()),
        float(inside.mean(dtype=np.float64)),
        float(inside.max()),
        float(inside.std(dtype=np.float64)),
        tuple(
            float(inside[i::scale, j::scale].mean(dtype=np.float64))
            for i in range(scale)
            for j in range(scale)
        ),
        *means,
    )


def mask_over(
    mask: np.ndarray, shape: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Enlarge a mask to its image: every pixel has its lattice pixel's value.

    Args:
        mask: Values of shape (r * H, r * W).
        shape: Height and width of the image.
        size: The same with its padding.

    Returns:
        Values of shape ``shape``.
    """
    rows, columns = (
        (2 * np.arange(n) + 1) * cells // (2 * whole)
        for n, cells, whole in zip(shape, mask.shape, size, strict=True)
    )
    return mask[rows[:, None], columns]


def join_values(parts: Iterable[MaskValues]) -> MaskValues:
    """Values of a mask over several images.

    The means over buildings and background are those of the images' means.
    """
    parts = list(parts)
    counts = [part.count for part in parts]
    mean = np.average([part.mean for part in parts], weights=counts)
    squares = [part.sd**2 + (part.mean - mean) ** 2 for part in parts]
    means = [
        float(np.mean(known)) if known else None
        for known in (
            [part.building for part in parts if part.building is not None],
            [part.ground for part in parts if part.ground is not None],
        )
    ]
    return MaskValues(
        sum(counts),
        min(part.min for part in parts),
        float(mean),
        max(part.max for part in parts),
        float(np.average(squares, weights=counts) ** 0.5),
        tuple(np.average([p.places for p in parts], 0, counts).tolist()),
        *means,
    )
