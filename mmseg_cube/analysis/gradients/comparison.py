"""Correlations of gradients in one network or two, over their training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmseg_cube.analysis.gradients.capture import capture
from mmseg_cube.analysis.gradients.estimate import (
    Correlations,
    correlate,
)
from mmseg_cube.analysis.gradients.layers import (
    find_scale,
    list_convolutions,
    number_cells,
)
from mmseg_cube.analysis.gradients.networks import (
    Checkpoint,
    Subject,
    make_network,
)

Key = tuple[str, str]  # gradient and layer


@dataclass(frozen=True)
class Look:
    """A network at one time of its training.

    Attributes:
        checkpoint: Its weights.
        layers: Correlations by gradient and layer.
    """

    checkpoint: Checkpoint
    layers: Mapping[Key, Correlations]


def look_at_all(
    subjects: Sequence[Subject],
    layers: Sequence[str],
    batches: Sequence[dict],
    seed: int,
    device: torch.device,
    advance: Callable[[], object] = lambda: None,
) -> list[list[Look]]:
    """Look at every checkpoint of networks with the same batches.

    Args:
        subjects: One network, or two.
        layers: Names of convolutions that all have.
        batches: Batches.
        seed: Seed of weights that are drawn, and of dropout.
        device: Where to compute.
        advance: Called after each batch.

    Returns:
        For each network a look at each of its checkpoints.

    Raises:
        ValueError: If a layer gets no gradient, or none that is finite.
    """
    convs = [subject.convolutions for subject in subjects]
    scales = {name: find_scale(name, convs) for name in layers}
    looks = []
    for subject in subjects:
        looks.append([])
        for checkpoint in subject.checkpoints:
            model = make_network(subject.cfg, checkpoint, seed).to(device)
            found = list_convolutions(model)
            chosen = {name: found[name] for name in layers}
            moments = capture(model, chosen, batches, seed, advance=advance)
            cells = {
                name: number_cells(conv, scales[name])
                for name, conv in chosen.items()
            }
            looks[-1].append(Look(checkpoint, _correlate(moments, cells)))
    return looks


def _correlate(
    moments: dict[Key, list], cells: Mapping[str, Mapping[str, Tensor]]
) -> dict[Key, Correlations]:
    found = {}
    for gradient, name in list(moments):
        # Let go one by one: those of wide layers are large.
        groups = moments.pop((gradient, name))
        try:
            found[gradient, name] = correlate(groups, cells[name])
        except ValueError as error:
            raise ValueError(
                f'{name}: {error}; has the training diverged?'
            ) from error
    return found
