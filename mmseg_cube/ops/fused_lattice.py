"""The lattice form in one step: route, reconstruct, mask, convolve.

This project. The result is that of the plain expressions of this package.
What differs is time and memory on the way:

* nothing of the size of the lattice outlives the forward pass: the backward
  pass lays the lattice out again, sample by sample;
* on a CPU the lattice has its channels last, whatever layout comes and goes;
* the mask is applied in place, and its small convolution runs on the coarse
  grid, where its gradient costs a tenth (two channels on a fine grid are the
  worst case of every convolution library);
* the gradients of both statistics join that of the lattice in place.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.autocast import cast_for_autocast
from mmseg_cube.ops.cell_mask import (
    cell_mask,
    cell_mask_gradients,
    cell_statistics,
    fold_mask,
    unfold_mask,
)
from mmseg_cube.ops.forms import lattice_form, lattice_padding
from mmseg_cube.ops.geometry import Geometry
from mmseg_cube.ops.layout import (
    is_channels_last,
    permute_channels,
    to_channels_last,
    to_contiguous,
)
from mmseg_cube.ops.reconstruct import (
    inside,
    reconstruct,
    split_pads,
    to_cells,
    to_lattice,
)
from mmseg_cube.ops.routing import relaxed_gradient, route
from mmseg_cube.ops.spatial_mask import spatial_mask

# Bytes of a batch that need no splitting; the cache of two cores.
SMALL = 4 * 2**20

conv_backward = torch.ops.aten.convolution_backward.default


def plain_lattice(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
    mask: tuple[Tensor, Tensor] | None = None,
    order: Tensor | None = None,
    relaxed: Tensor | None = None,
) -> Tensor:
    """The lattice form in plain expressions, for compilers and exporters."""
    lattice = reconstruct(apply_order(input, order, relaxed), geometry.scale)
    if mask is not None:
        lattice = lattice * spatial_mask(lattice, *mask)
    return lattice_form(lattice, weight, bias, geometry)


def apply_order(
    input: Tensor, order: Tensor | None, relaxed: Tensor | None
) -> Tensor:
    """Permute channels; with ``relaxed`` the order gets a gradient."""
    if order is None:
        return input
    if relaxed is None:
        return permute_channels(input, order)
    return route(input, order, relaxed)


def fused_lattice(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
    mask: tuple[Tensor, Tensor] | None = None,
    order: Tensor | None = None,
    relaxed: Tensor | None = None,
) -> Tensor:
    """Route, reconstruct, mask and convolve.

    Args:
        input: Tensor of shape (N, C, H, W).
        weight: Tensor of shape (D, G / groups, q, q).
        bias: Tensor of shape (D,), or None.
        geometry: Geometry of the convolution.
        mask: Weight (1, 2, k, k) and bias (1,) of the spatial mask, or None.
        order: Permutation of shape (C,), or None.
        relaxed: Relaxation of shape (B, C / B, C / B) that gets the gradient
            of the order, or None.

    Returns:
        Tensor of shape (N, D, H', W').
    """
    mask = mask or (None, None)
    tensors, without_autocast = cast_for_autocast((input, weight, bias))
    with without_autocast:
        return _FusedLattice.apply(*tensors, *mask, relaxed, order, geometry)


class _FusedLattice(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, input, weight, bias, mask_weight, mask_bias, relaxed, order, geo
    ):
        routed = input if order is None else permute_channels(input, order)
        padding, pads = lattice_padding(geo)
        pads, cut = split_pads(pads)
        lattice = to_lattice(routed, geo.scale, pads)
        statistics = mask = None
        if mask_weight is not None:
            pixels = inside(lattice, pads)
            statistics = cell_statistics(routed, pixels, geo.scale)
            kernel = fold_mask(mask_weight, geo.scale)
            mask = cell_mask(statistics, kernel, mask_bias, geo.scale)
            mask = mask.to(pixels.dtype)
            pixels.mul_(mask)
        tensors = (input, weight, bias, mask_weight, mask_bias, relaxed)
        ctx.save_for_backward(*tensors, order, statistics, mask)
        ctx.geometry = geo
        kernel = _like(weight, lattice)
        # Only now: the mask sees what the convolution does not read.
        lattice = inside(lattice, cut)
        out = F.conv2d(lattice, kernel, bias, *_steps(geo, padding))
        # As in torch, either of them asks for channels last.
        return out if is_channels_last(weight) else _like(out, input)

    @staticmethod
    def backward(ctx, grad):
        if torch.is_grad_enabled():
            grads = _differentiable_gradients(ctx, grad)
        else:
            grads = _gradients(ctx, grad)
        return (*grads, None, None)


def _like(input: Tensor, other: Tensor) -> Tensor:
    """Bring a tensor into the layout of another one."""
    if is_channels_last(other):
        return to_channels_last(input)
    return to_contiguous(input)


def _parts(input: Tensor) -> list[slice]:
    """Samples to work on at a time.

    Large ones go one by one, so that what is made on the way stays small. A
    GPU would rather have everything at once.
    """
    # An empty batch is one part as well: its gradients are zeros.
    samples = max(len(input), 1)
    size = input.numel() * input.element_size()
    step = samples if input.is_cuda or size < SMALL else 1
    return [slice(n, n + step) for n in range(0, samples, step)]


def _steps(geo: Geometry, padding: tuple[int, int]) -> tuple:
    """Arguments of a convolution after its bias."""
    stride = tuple(geo.scale * s for s in geo.stride)
    return stride, padding, geo.dilation, geo.groups


def _differentiable_gradients(ctx, grad: Tensor) -> list[Tensor | None]:
    """Gradients that can be differentiated again."""
    saved = ctx.saved_tensors
    input, weight, bias, mask_weight, mask_bias, relaxed, order = saved[:7]
    mask = None
    if mask_weight is not None:
        # After autocast the input alone may be of half precision.
        mask = mask_weight.to(input.dtype), mask_bias.to(input.dtype)
    out = plain_lattice(
        input, weight, bias, ctx.geometry, mask, order, relaxed
    )
    wanted = [
        t for t, n in zip(saved, ctx.needs_input_grad, strict=False) if n
    ]
    grads = iter(torch.autograd.grad(out, wanted, grad, create_graph=True))
    return [next(grads) if n else None for n in ctx.needs_input_grad[:6]]


def _gradients(ctx, grad: Tensor) -> list[Tensor | None]:
    needs, geo = ctx.needs_input_grad, ctx.geometry
    # Once: activation checkpointing lets go of what it has handed out.
    saved = ctx.saved_tensors
    input, weight, _, mask_weight, _, relaxed = saved[:6]
    order, statistics, mask = saved[6:]
    grads: list[Tensor | None] = [None] * 6
    if needs[0]:
        grads[0] = torch.empty_like(input)
    if needs[2]:
        grads[2] = grad.sum((0, 2, 3))
    kernel = folded = inverse = None
    if mask is not None:
        folded = fold_mask(mask_weight, geo.scale)
    if order is not None:
        inverse = order.argsort()
    padding, pads = lattice_padding(geo)
    pads, cut = split_pads(pads)
    above = needs[0] or needs[3] or needs[4] or needs[5]

    def add(place: int, value: Tensor) -> None:
        if needs[place]:
            sofar = grads[place]
            grads[place] = value if sofar is None else sofar.add_(value)

    for part in _parts(input):
        x = input[part]
        routed = x if order is None else permute_channels(x, order)
        lattice = to_lattice(routed, geo.scale, pads)
        weight = _like(weight, lattice)
        del routed
        pixels = inside(lattice, pads)
        if mask is not None:
            pixels.mul_(mask[part])
        d_lattice, d_weight, _ = conv_backward(
            _like(grad[part], lattice),
            inside(lattice, cut),
            weight,
            None,
            *_steps(geo, padding)[:3],
            False,
            (0, 0),
            geo.groups,
            (above, needs[1], False),
        )
        add(1, d_weight)
        if not above:
            continue
        if any(map(any, cut)):
            d_lattice = F.pad(d_lattice, (*cut[1], *cut[0]))
        d_pixels = inside(d_lattice, pads)
        if mask is not None:
            d_pixels, d_kernel, d_bias = cell_mask_gradients(
                d_pixels,
                pixels,
                statistics[part],
                mask[part],
                folded,
                geo.scale,
            )
            kernel = d_kernel if kernel is None else kernel.add_(d_kernel)
            add(4, d_bias)
        del lattice, pixels, d_lattice
        if not (needs[0] or needs[5]):
            continue
        d_routed = _like(to_cells(d_pixels, geo.scale), x)
        del d_pixels
        if needs[5]:
            add(5, relaxed_gradient(d_routed, x, relaxed))
        if inverse is None:
            grads[0][part] = d_routed
        elif needs[0]:
            permute_channels(d_routed, inverse, grads[0][part])
    if needs[3]:
        grads[3] = unfold_mask(kernel, mask_weight, geo.scale)
    return grads
