"""Gradients of single layers, taken while a loss goes back through a network.

Everything else stays as it is: no parameter gets a gradient, and running
statistics, modes and random numbers are put back afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import partial

import torch
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from mmseg_cube.analysis.gradients.estimate import group_of
from mmseg_cube.analysis.gradients.kernel import kernel_gradient
from mmseg_cube.analysis.gradients.statistics import Moments

INPUT, WEIGHT = 'input', 'weight'
GRADIENTS = (INPUT, WEIGHT)

Record = Callable[[str, str, Tensor], None]


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


def capture(
    model: nn.Module,
    layers: Mapping[str, nn.Conv2d],
    batches: Sequence[dict],
    seed: int = 0,
    loss_of: Callable[[nn.Module, dict], Tensor] = total_loss,
    advance: Callable[[], object] = lambda: None,
) -> dict[tuple[str, str], list[Moments]]:
    """Gather the gradients of layers over batches.

    The network is in training mode: its norms use the batch, and dropout
    draws anew for each batch, from numbers that depend on nothing but the
    seed and the place of the batch.

    Args:
        model: Network; stays as it is.
        layers: Convolutions in it, by name.
        batches: Batches, such as a data loader gives.
        seed: Seed of dropout.
        loss_of: Takes the model and a batch, returns the loss.
        advance: Called after each batch.

    Returns:
        For ``'input'`` and ``'weight'`` and each name the moments of groups
        of batches: of the gradient of the layer's input, with a sample per
        position of an image; and of its kernel, with a sample per output
        channel, tap and batch.

    Raises:
        ValueError: If a layer takes no part in the loss.
    """
    groups: dict[tuple[str, str], dict[int, Moments]] = {
        (gradient, name): {} for gradient in GRADIENTS for name in layers
    }
    with ExitStack() as stack:
        stack.enter_context(_undisturbed(model))
        kernels: dict[str, Tensor] = {}

        def add(gradient: str, name: str, samples: Tensor) -> None:
            """Add samples of shape (C, n) to the group of this batch."""
            parts = groups[gradient, name]
            if group not in parts:
                parts[group] = Moments(len(samples), samples.device)
            parts[group].add(samples)

        def record(gradient: str, name: str, grad: Tensor) -> None:
            if gradient == WEIGHT:
                # A layer that is called twice has one kernel.
                kernels[name] = kernels.get(name, 0) + grad
                return
            for image in grad:
                add(INPUT, name, image.flatten(1))

        for name, conv in layers.items():
            stack.enter_context(_watched(name, conv, record))
        for i, batch in enumerate(batches):
            group = group_of(i, len(batches))
            torch.manual_seed(seed + i)
            loss = loss_of(model, batch)
            if loss.requires_grad:
                loss.backward()
            for name, kernel in kernels.items():
                add(WEIGHT, name, kernel.transpose(0, 1).flatten(1))
            kernels.clear()
            advance()
    number = group_of(len(batches) - 1, len(batches)) + 1
    for (_, name), parts in groups.items():
        if len(parts) < number:
            raise ValueError(
                f'the layer {name} takes no part in the loss of every batch; '
                'choose others with --layers'
            )
    return {key: list(parts.values()) for key, parts in groups.items()}


@contextmanager
def _watched(name: str, conv: nn.Conv2d, record: Record) -> Iterator[None]:
    """Record the gradients of a layer while the context lasts."""

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
        own.register_hook(partial(record, INPUT, name))
        return own, *others

    def after(conv: nn.Conv2d, args: tuple, out: Tensor) -> None:
        if not out.requires_grad:
            return
        input = args[0].detach()

        def take(grad: Tensor) -> None:
            record(WEIGHT, name, kernel_gradient(conv, input, grad))

        out.register_hook(take)

    handles = (
        conv.register_forward_pre_hook(before),
        conv.register_forward_hook(after),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Train a network in all but effect while the context lasts."""
    wanted = {p: p.requires_grad for p in model.parameters()}
    modes = {m: m.training for m in model.modules()}
    buffers = {b: b.clone() for b in model.buffers()}
    with torch.random.fork_rng():
        # Not chained: mmpretrain's ConvNeXt.train returns nothing.
        model.train()
        for parameter in wanted:
            # Nothing goes back beyond the first of the layers.
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter, flag in wanted.items():
                parameter.requires_grad_(flag)
            for module, mode in modes.items():
                module.training = mode
            for buffer, before in buffers.items():
                buffer.copy_(before)
