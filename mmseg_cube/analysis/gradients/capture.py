"""Gradients of single layers, as a loss goes back through a network."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial

import torch
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from mmseg_cube.analysis.gradients.kernel import kernel_gradient
from mmseg_cube.analysis.gradients.statistics import sum_products

INPUT, WEIGHT = 'input', 'weight'
GRADIENTS = (INPUT, WEIGHT)
GROUPS = 8  # of batches; each keeps a matrix (C, C) per layer


def total_loss(model: BaseSegmentor, batch: dict) -> Tensor:
    """Loss of a segmentor as training has it, the sum of all its parts.

    Args:
        model: Segmentor.
        batch: ``inputs`` and ``data_samples``, as from a data loader; stays
            as it is.
    """
    # The preprocessor pads the masks of samples in place.
    data = model.data_preprocessor(deepcopy(batch), True)
    losses = model.loss(data['inputs'], data['data_samples'])
    return model.parse_losses(losses)[0]


@torch.random.fork_rng()
def capture(
    model: nn.Module,
    layers: Sequence[str],
    batches: Iterable[dict],
    seed: int = 0,
    loss_of: Callable[[nn.Module, dict], Tensor] = total_loss,
) -> dict[tuple[str, str], list[Tensor]]:
    """Gather the gradients of layers over batches.

    A copy of the network is in training mode: its norms use the batch, and
    dropout draws anew for each batch, from numbers that depend on nothing but
    the seed and the place of the batch.

    Args:
        model: Network; stays as it is.
        layers: Names of convolutions in it.
        batches: Batches, such as a data loader gives.
        seed: Seed of dropout.
        loss_of: Takes the model and a batch, returns the loss.

    Returns:
        For ``'input'`` and ``'weight'`` and each name the sums of up to eight
        groups of batches: of the gradient of the layer's input, with a sample
        per position of an image; and of its kernel, with a sample per output
        channel, tap and batch.

    Raises:
        ValueError: If a layer takes no part in the loss.
    """
    model = deepcopy(model)
    model.train()
    # Gradients go back no further than to the first of the layers.
    model.requires_grad_(False)
    sums: dict[tuple[str, str], dict[int, Tensor]] = {
        (gradient, name): {} for gradient in GRADIENTS for name in layers
    }
    kernels: dict[str, Tensor] = {}
    group = number = 0

    def add(gradient: str, name: str, samples: Tensor) -> None:
        """Add samples of shape (C, n) to the group of this batch."""
        groups = sums[gradient, name]
        groups[group] = groups.get(group, 0) + sum_products(samples)

    def record(name: str, gradient: str, grad: Tensor) -> None:
        if gradient == WEIGHT:
            # A layer that is called twice has one kernel.
            kernels[name] = kernels.get(name, 0) + grad
        else:
            for image in grad:
                add(INPUT, name, image.flatten(1))

    for name in layers:
        _watch(model.get_submodule(name), partial(record, name))
    for i, batch in enumerate(batches):
        group, number = i % GROUPS, min(i + 1, GROUPS)
        torch.manual_seed(seed + i)
        loss = loss_of(model, batch)
        if loss.requires_grad:
            loss.backward()
        for name, kernel in kernels.items():
            add(WEIGHT, name, kernel.transpose(0, 1).flatten(1))
        kernels.clear()
    for (_, name), groups in sums.items():
        if len(groups) < number:
            raise ValueError(
                f'the layer {name} takes no part in the loss of every batch; '
                'choose others with --layers'
            )
    return {key: list(groups.values()) for key, groups in sums.items()}


def _watch(conv: nn.Conv2d, record: Callable[[str, Tensor], None]) -> None:
    """Record both gradients of a layer in every backward pass."""

    def before(conv: nn.Conv2d, args: tuple) -> tuple | None:
        # Checkpointed parts of a network run without gradients at first.
        if not torch.is_grad_enabled():
            return None
        input, *others = args
        # A tensor of its own: others that read the input have gradients too.
        if input.requires_grad:
            own = input.view_as(input)
        else:
            own = input.detach().requires_grad_()
        own.register_hook(partial(record, INPUT))
        return own, *others

    def after(conv: nn.Conv2d, args: tuple, out: Tensor) -> None:
        if not out.requires_grad:
            return
        input = args[0].detach()

        def take(grad: Tensor) -> None:
            record(WEIGHT, kernel_gradient(conv, input, grad))

        out.register_hook(take)

    conv.register_forward_pre_hook(before)
    conv.register_forward_hook(after)
