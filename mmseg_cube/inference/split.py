"""Buildings that touch, taken apart where a network is less sure."""

import numpy as np
from scipy import ndimage


def split_touching(
    labels: np.ndarray, values: np.ndarray, sure: float, full: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Split components by a watershed that grows from what is sure.

    Each group of connected sure pixels is a building. A component without
    any is left out.

    Args:
        labels: Components, int32 (H, W), 0 outside of them.
        values: Probabilities times ``full``, (H, W).
        sure: What values of sure pixels are above.
        full: The value of probability 1.

    Returns:
        Buildings, int32 (H, W), for each number the component it is of, and
        how many components were left out.
    """
    seeds, count = ndimage.label((values > sure) & (labels > 0))
    owner = np.zeros(count + 1, int)
    at = np.flatnonzero(seeds)
    owner[seeds.flat[at]] = labels.flat[at]
    # All of a component with one seed belongs to it.
    number = np.zeros(labels.max(initial=0) + 1, np.int32)
    number[owner] = np.arange(count + 1)
    number[0] = 0
    buildings = number[labels]
    boxes = ndimage.find_objects(labels)
    for component in np.flatnonzero(np.bincount(owner) > 1):
        box = boxes[component - 1]
        inside = labels[box] == component
        cost = np.rint(254 - 254 * (values[box] / full))
        # Outside, the cost is so high that no way through it is taken.
        grown = ndimage.watershed_ift(
            np.where(inside, cost, 255).astype(np.uint8),
            np.where(inside, seeds[box], 0),
        )
        buildings[box][inside] = grown[inside]
    unsure = np.bincount(labels.ravel())[1:] > 0
    unsure[owner[1:] - 1] = False
    return buildings, owner, int(unsure.sum())
