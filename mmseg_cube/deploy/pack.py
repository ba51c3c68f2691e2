"""Packing a trained network into one small file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.whole_files import write_whole

SIDE = 256  # of the image that logits are compared on, in pixels
LARGEST = 0.05  # difference of logits; a good network has 0.001


def pack_network(
    config: Path, checkpoint: Path, out: Path, about: Mapping[str, object]
) -> float:
    """Write the weights of a network in half precision, and what it is.

    Vectors, scalars and logits of routers stay as they are: they are small,
    and rounded they would be statistics of other norms, or other orders. Of a
    training with ``EMAHook`` the average is taken: it is what mmengine saves
    as ``state_dict``.

    Args:
        config: Config of the network.
        checkpoint: Its trained weights.
        out: File to write. Its ``meta`` has the name of the config,
            ``dataset_meta`` with the classes, and what follows.
        about: Plain numbers and text; commands read ``resolution``, metres
            per pixel of the images that it was trained on.

    Returns:
        Largest difference of logits, as a share of the largest logit.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If the checkpoint is of another network, or the logits are
            others in half precision.
    """
    model = load_network(read_config(config), checkpoint)
    convs = (x for x in model.modules() if isinstance(x, nn.Conv2d))
    shape = 1, next(convs).in_channels, SIDE, SIDE
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    state = {key: _halve(x) for key, x in model.state_dict().items()}
    with torch.no_grad():
        right = model(image, mode='tensor')
        model.load_state_dict(state)
        found = model(image, mode='tensor')
    difference = ((found - right).abs().max() / right.abs().max()).item()
    if not difference < LARGEST:  # nor a number at all
        raise ValueError(
            f'{checkpoint} cannot be packed: in half precision its logits '
            f'differ by {difference:.1g} of the largest'
        )
    data = model.dataset_meta
    data = {x: list(data[x]) for x in ('classes', 'palette') if x in data}
    meta = dict(about, config=config.name, dataset_meta=data)
    out.parent.mkdir(parents=True, exist_ok=True)
    content = dict(state_dict=state, meta=meta)
    write_whole(out, lambda path: torch.save(content, path))
    return difference


def _halve(weight: Tensor) -> Tensor:
    is_large = weight.is_floating_point() and weight.dim() in (2, 4)
    return weight.half() if is_large else weight
