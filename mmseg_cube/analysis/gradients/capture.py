"""Gradients of single layers, as a loss goes back through a network.

The gradient of a kernel means the same for plain and Cube convolutions. A
Cube equals a plain convolution with a coarse kernel (2 x 2 for r = 2, q = 3)
that has zeros at the taps which the parity of a channel does not reach. The
gradient is that of all entries of this kernel, as if the zeros were free to
move::

    g[d, c, u, v] = sum over n, h, w of dL/dy[n, d, h, w]
                                        * x[n, c, s*h + u - p, s*w + v - p]

where x is what the kernel reads: the input, masked where there is a mask.
Groups are ignored in the same way: all input channels meet all output
channels.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial

import torch
import torch.nn.functional as F
from mmseg.models import BaseSegmentor
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from mmseg_cube.analysis.gradients.statistics import sum_products
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import cell_pads, fold_weight
from mmseg_cube.ops.layout import pad

INPUT, WEIGHT = 'input', 'weight'
GRADIENTS = (INPUT, WEIGHT)
GROUPS = 8  # of batches; each keeps a matrix (C, C) per layer


@torch.no_grad()
def kernel_gradient(conv: nn.Conv2d, input: Tensor, grad: Tensor) -> Tensor:
    """Gradient (D, C, K, K') of the dense kernel of a convolution.

    The input (N, C, H, W) and the gradient of the output (N, D, H', W') are
    those of one pass; channels are in the order in which they arrive.
    """
    if not isinstance(conv, CubeConv2d):
        # Filled by torch for every padding, 'same' included.
        pads = conv._reversed_padding_repeated_twice
        zeros = conv.padding_mode == 'zeros'
        input = F.pad(input, pads, 'constant' if zeros else conv.padding_mode)
        size = (conv.out_channels, conv.in_channels, *conv.kernel_size)
        return conv2d_weight(
            input, size, grad, conv.stride, dilation=conv.dilation
        )
    given = conv.prepare(input)
    geometry, order = given.geometry, given.order
    input = pad(given.cells(), cell_pads(geometry))
    taps = fold_weight(conv.weight[:1], geometry).shape[2:]
    size = (conv.out_channels, conv.in_channels, *taps)
    kernel = conv2d_weight(input, size, grad, conv.stride)
    return kernel if order is None else kernel[:, order.argsort()]


def total_loss(model: BaseSegmentor, batch: dict) -> Tensor:
    """Loss of a segmentor as training has it, the sum of all its parts."""
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
    """Gather the gradients of layers over batches; the network stays as it is.

    A copy of it is in training mode: its norms use the batch, and dropout
    draws anew for each batch, from numbers that depend on nothing but the
    seed and the place of the batch.

    Returns:
        For ``'input'`` and ``'weight'`` and each name the sums of up to eight
        groups of batches: of the gradient of the layer's input, with a sample
        per position of an image; and of its kernel, with a sample per output
        channel, tap and batch.
    """
    model = deepcopy(model)
    model.train()
    # Gradients go back no further than to the first of the layers.
    model.requires_grad_(False)
    # By gradient and layer, then by group.
    sums: dict[tuple[str, str], dict[int, Tensor]] = {
        (gradient, name): {} for gradient in GRADIENTS for name in layers
    }
    kernels: dict[str, Tensor] = {}

    def add(key: tuple[str, str], samples: Tensor) -> None:
        """Add samples of shape (C, n) to the group of this batch."""
        group = i % GROUPS
        sums[key][group] = sums[key].get(group, 0) + sum_products(samples)

    def record(name: str, gradient: str, grad: Tensor) -> None:
        if gradient == WEIGHT:
            # A layer that is called twice has one kernel.
            kernels[name] = kernels.get(name, 0) + grad
        else:
            for image in grad:
                add((INPUT, name), image.flatten(1))

    for name in layers:
        _watch(model.get_submodule(name), partial(record, name))
    for i, batch in enumerate(batches):
        torch.manual_seed(seed + i)
        loss = loss_of(model, batch)
        if loss.requires_grad:
            loss.backward()
        for name in layers:
            if name not in kernels:
                raise ValueError(
                    f'the layer {name} takes no part in the loss of every '
                    'batch; choose others with --layers'
                )
            kernel = kernels.pop(name)
            add((WEIGHT, name), kernel.transpose(0, 1).flatten(1))
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
