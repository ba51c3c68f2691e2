"""Matrices that are too large to be drawn."""

import numpy as np


def shrink(matrix: np.ndarray, cells: int) -> np.ndarray:
    """Shrink a square matrix by means over blocks of nearly equal size.

    Args:
        matrix: Values of shape (C, C); NaN does not count.
        cells: Most rows and columns that are left.

    Returns:
        The matrix itself if it is small enough. Blocks of nothing but NaN
        are NaN.
    """
    if len(matrix) <= cells:
        return matrix
    starts = np.arange(cells) * len(matrix) // cells
    known = ~np.isnan(matrix)
    sums, counts = (
        np.add.reduceat(np.add.reduceat(x, starts, 0), starts, 1)
        for x in (np.where(known, matrix, 0), known.astype(float))
    )
    return np.divide(
        sums, counts, np.full_like(sums, np.nan), where=counts > 0
    )
