"""The spatial masks of Cube layers over an image."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import spatial_mask


@dataclass
class Seen:
    """What layers saw of one image.

    Attributes:
        size: Height and width of the image with its padding, in pixels of
            whatever the cells are to be measured in.
        inputs: Height and width of each layer's input.
        masks: Values of shape (r * H, r * W) of each layer with a mask.
    """

    size: tuple[int, int] | None = None
    inputs: dict[str, tuple[int, int]] = field(default_factory=dict)
    masks: dict[str, np.ndarray] = field(default_factory=dict)

    def cell_pixels(self, name: str) -> tuple[float, float] | None:
        """Height and width of a layer's cells; None if it was not used."""
        if name not in self.inputs:
            return None
        pairs = zip(self.size, self.inputs[name], strict=True)
        return tuple(image / cells for image, cells in pairs)


@contextmanager
def watch(
    model: nn.Module, layers: Mapping[str, CubeConv2d]
) -> Iterator[Seen]:
    """Note what layers see while one image passes through a segmentor.

    A layer that is used several times shows its last use.

    Args:
        model: Segmentor; stays as it is.
        layers: Layers by name.

    Yields:
        What was seen, filled in as the image passes.
    """
    seen = Seen()

    def note_size(preprocessor: nn.Module, args: tuple, out: dict) -> None:
        seen.size = tuple(out['inputs'].shape[2:])

    hooks = [model.data_preprocessor.register_forward_hook(note_size)]
    for name, layer in layers.items():

        def note(layer: nn.Module, args: tuple, name: str = name) -> None:
            seen.inputs[name] = tuple(args[0].shape[2:])
            if layer.mask is not None:
                mask = mask_of(layer, args[0])
                seen.masks[name] = mask[0, 0].float().cpu().numpy()

        hooks.append(layer.register_forward_pre_hook(note))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def mask_of(layer: CubeConv2d, input: Tensor) -> Tensor:
    """Mask that a layer puts on an input.

    Args:
        layer: Layer with a mask.
        input: Tensor of shape (N, C, H, W).

    Returns:
        Tensor of shape (N, 1, r * H, r * W).
    """
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
