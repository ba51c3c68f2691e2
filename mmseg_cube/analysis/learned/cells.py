"""What windows that share their weights make of a cell."""

import numpy as np
import torch
from torch import Tensor


@torch.no_grad()
def measure_outputs(output: Tensor, sites: int) -> dict[str, float]:
    """Compare the outputs (1, D, H, W) of a layer, ``sites`` to a cell.

    Returns:
        ``alike`` and ``apart``: mean absolute correlation, over places, of
        two outputs of one cell, and of two cells. Outputs of one cell have
        the same weights, so what sets them apart is where they look.
    """
    values = output[0].flatten(1).double().cpu()
    alike = torch.corrcoef(values).nan_to_num().abs()
    cells = torch.arange(len(values)) // sites
    same = cells[:, None] == cells
    others = ~torch.eye(len(values), dtype=torch.bool)
    pairs = dict(alike=same & others, apart=~same)
    return {k: alike[chosen].mean().item() for k, chosen in pairs.items()}


def measure_places(mask: np.ndarray, scale: int) -> dict[str, float]:
    """Return the least and the largest mean of a mask over places in a cell.

    Windows at some places straddle more cells than at others: a mask that
    suppresses what mixes cells is low there.
    """
    rows = mask.reshape(mask.shape[0] // scale, scale, -1, scale)
    means = rows.mean((0, 2), dtype=float)
    return dict(low_place=float(means.min()), high_place=float(means.max()))
