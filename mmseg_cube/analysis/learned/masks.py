"""The spatial masks of Cube layers over an image, as maps and as numbers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import spatial_mask

Size = tuple[int, int]
Values = dict[str, float | None]
# How values of several images are joined, if not to their mean.
JOINED = dict(min=min, max=max)


@dataclass
class Seen:
    """Masks (r * H, r * W) of layers over one image of a padded size."""

    size: Size = (0, 0)
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    # Of layers whose windows share their weights.
    cells: dict[str, dict[str, float]] = field(default_factory=dict)


@contextmanager
def watch(
    model: nn.Module, layers: Mapping[str, CubeConv2d]
) -> Iterator[Seen]:
    """Note masks, and outputs of shared weights, while one image passes."""
    seen = Seen()

    def note_size(preprocessor: nn.Module, args: tuple, out: dict) -> None:
        seen.size = tuple(out['inputs'].shape[2:])

    def note(layer: CubeConv2d, args: tuple, out: Tensor) -> None:
        name = names[layer]
        if layer.mask is not None:
            mask = mask_of(layer, args[0])[0, 0].float().cpu().numpy()
            seen.masks[name] = mask
        if layer.geometry.sites > 1:
            seen.cells[name] = measure_outputs(out, layer.geometry.sites**2)
            if name in seen.masks:
                seen.cells[name] |= measure_places(mask, layer.scale)

    names = {layer: name for name, layer in layers.items()}
    with ExitStack() as hooks:
        preprocessor = model.data_preprocessor
        hooks.enter_context(preprocessor.register_forward_hook(note_size))
        for layer in names:
            hooks.enter_context(layer.register_forward_hook(note))
        yield seen


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


@torch.no_grad()
def mask_of(layer: CubeConv2d, input: Tensor) -> Tensor:
    """Mask (N, 1, r * H, r * W) that a layer puts on an input (N, C, H, W)."""
    given = layer.prepare(input)
    mask = spatial_mask(given.routed(), *given.mask, layer.scale)
    pads, _ = layer.split_padding()
    if pads is None:
        return mask
    # Of what the layer has padded, the image is the inner part.
    (top, bottom), (left, right) = (
        (layer.scale * before, layer.scale * after) for before, after in pads
    )
    height, width = mask.shape[2:]
    return mask[:, :, top : height - bottom, left : width - right]


def over_image(mask: np.ndarray, shape: Size, size: Size) -> np.ndarray:
    """Give each pixel of an image the value of its lattice pixel.

    The mask (r * H, r * W) is over the image with its padding, of a size that
    is larger to the right and below.
    """
    # OpenCV takes the width first.
    over = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return over[: shape[0], : shape[1]]


def measure_mask(mask: np.ndarray, truth: np.ndarray, size: Size) -> Values:
    """Measure a mask (r * H, r * W) over an image of a padded size.

    Returns:
        ``min``, ``mean``, ``max`` and ``sd`` of the values over the image;
        ``building`` and ``ground``, the means where the truth is 1 and 0,
        None if it never is.
    """
    over = over_image(mask, truth.shape, size)
    rows, columns = -(-np.multiply(truth.shape, mask.shape) // size)
    mask = mask[:rows, :columns].astype(float)
    values: Values = dict(
        min=float(mask.min()),
        mean=float(mask.mean()),
        max=float(mask.max()),
        sd=float(mask.std()),
    )
    for key, label in (('building', 1), ('ground', 0)):
        pixels = over[truth == label]
        values[key] = float(pixels.mean(dtype=float)) if pixels.size else None
    return values


def join_values(parts: Sequence[Values]) -> Values:
    """Values of a mask over several images: means of those of the images."""
    joined: Values = {}
    for key in parts[0]:
        known = [part[key] for part in parts if part[key] is not None]
        join = JOINED.get(key, np.mean)
        joined[key] = float(join(known)) if known else None
    return joined
