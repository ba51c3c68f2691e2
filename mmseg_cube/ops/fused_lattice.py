"""The lattice form in one step: route, reconstruct, mask, convolve.

This project. The result is that of the plain expressions of this package.
What differs is time and memory on the way:

* nothing of the size of the lattice outlives the forward pass: the backward
  pass lays the lattice out again, sample by sample;
* on a CPU the lattice has its channels last, whatever layout comes and goes;
* the mask is applied in place, and its small convolution runs on the coarse
  grid, where its gradient costs a tenth.
"""

from collections import namedtuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops import cell_mask, layout
from mmseg_cube.ops.context import cast_for_autocast
from mmseg_cube.ops.geometry import Geometry
from mmseg_cube.ops.lattice import (
    lattice_conv,
    plain_lattice,
    to_cells,
    to_lattice,
)
from mmseg_cube.ops.layout import inside, like
from mmseg_cube.ops.operands import Operands
from mmseg_cube.ops.places import by_place, lay_out, take_up, to_places
from mmseg_cube.ops.routing import apply_order, relaxed_gradient

# Bytes of a batch that need no splitting; the cache of two cores.
SMALL = 4 * 2**20

# What can have a gradient, in the order of the arguments below.
LEARNED = ('input', 'weight', 'bias', 'mask_weight', 'mask_bias', 'relaxed')
Needs = namedtuple('Needs', LEARNED)
# The kernel is that of the mask on the coarse grid.
KEPT = ('order', 'statistics', 'mask', 'kernel')
Saved = namedtuple('Saved', LEARNED + KEPT)
Gradients = dict[str, Tensor]  # by the names of what has them


def fused_lattice(operands: Operands) -> Tensor:
    """Route, reconstruct, mask and convolve."""
    *tensors, geometry, mask, order, relaxed = operands
    others = *(mask or (None, None)), relaxed, order, geometry
    tensors, without_autocast = cast_for_autocast(tensors)
    with without_autocast:
        return _FusedLattice.apply(*tensors, *others)


class _FusedLattice(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, input, weight, bias, mask_weight, mask_bias, relaxed, order, geo
    ):
        conv = lattice_conv(geo)
        found = None, None, None
        if mask_weight is None:
            lattice = _routed_lattice(input, order, geo.scale)
        else:
            routed = apply_order(input, order)
            given = mask_weight, mask_bias, geo.scale
            found = cell_mask.find_mask(routed, *given)
            lattice = to_lattice(routed, geo.scale)
            lattice.mul_(lay_out(found[1], geo.scale))
            del routed
        tensors = (input, weight, bias, mask_weight, mask_bias, relaxed)
        ctx.save_for_backward(*tensors, order, *found)
        ctx.geometry = geo
        # Only now: the mask sees what the convolution does not read.
        lattice = layout.pad(inside(lattice, conv.cut), conv.added)
        last = layout.is_channels_last(weight)
        weight, sites = like(weight, lattice), geo.sites
        one = sites == 1
        out = F.conv2d(lattice, weight, bias if one else None, *conv.arguments)
        if not one:
            out = to_cells(out, sites)
            out = out if bias is None else out.add_(bias[:, None, None])
        # As in torch, either of them asks for channels last.
        return out if last else like(out, input)

    @staticmethod
    def backward(ctx, grad):
        # Once: activation checkpointing lets go of what it has handed out.
        saved = Saved(*ctx.saved_tensors)
        needs = Needs(*ctx.needs_input_grad[:6])
        again = torch.is_grad_enabled() or layout.is_batched(grad)
        find = _differentiable_gradients if again else _gradients
        found = find(saved, needs, ctx.geometry, grad)
        grads = (found[k] if getattr(needs, k) else None for k in LEARNED)
        return *grads, None, None


def _differentiable_gradients(
    saved: Saved, needs: Needs, geometry: Geometry, grad: Tensor
) -> Gradients:
    """Gradients that can be differentiated again, or come from ``vmap``."""
    again, mask = torch.is_grad_enabled(), None
    with torch.enable_grad():
        # Views: the layer may have been used before, behind the input, and
        # what its weight did there is not to be found here.
        views = (t if t is None else t.view_as(t) for t in saved[:6])
        saved = Saved(*views, *saved[6:])
        if saved.mask is not None:
            # After autocast the input alone may be of half precision.
            dtype = saved.input.dtype
            mask = saved.mask_weight.to(dtype), saved.mask_bias.to(dtype)
        options = geometry, mask, saved.order, saved.relaxed
        out = plain_lattice(Operands(*saved[:3], *options))
    names = [name for name in LEARNED if getattr(needs, name)]
    wanted = [getattr(saved, name) for name in names]
    grads = torch.autograd.grad(out, wanted, grad, create_graph=again)
    return dict(zip(names, grads, strict=True))


def _gradients(
    saved: Saved, needs: Needs, geometry: Geometry, grad: Tensor
) -> Gradients:
    """Gradients, found for one part of the batch after the other."""
    sums = {}
    d_input = torch.empty_like(saved.input) if needs.input else None
    if layout.on_cpu(saved.input):
        # As the lattice has it; once, not for every part.
        weight = layout.to_layout(saved.weight, layout.LAST)
        saved = saved._replace(weight=weight)
    if saved.mask is not None and saved.order is None:
        order = torch.arange(saved.input.shape[1], device=grad.device)
        saved = saved._replace(order=order)
    for part in _parts(saved.input):
        given = saved._replace(input=saved.input[part])
        if saved.mask is not None:
            statistics, mask = saved.statistics[part], saved.mask[part]
            given = given._replace(statistics=statistics, mask=mask)
        d_part = d_input[part] if needs.input else None
        found = _part_gradients(given, needs, geometry, grad[part], d_part)
        for name, value in found.items():
            sums[name] = sums[name].add_(value) if name in sums else value
    if needs.mask_weight:
        given = sums['mask_weight'], saved.mask_weight, geometry.scale
        sums['mask_weight'] = cell_mask.unfold_mask(*given)
    if needs.bias:
        sums['bias'] = grad.sum((0, 2, 3))
    return dict(sums, input=d_input)


def _parts(input: Tensor) -> list[slice]:
    """Samples to work on at a time; on a CPU large ones go one by one."""
    samples = max(len(input), 1)  # an empty batch is one part as well
    size = input.numel() * input.element_size()
    step = 1 if layout.on_cpu(input) and size >= SMALL else samples
    return [slice(n, n + step) for n in range(0, samples, step)]


def _part_gradients(
    saved: Saved,
    needs: Needs,
    geometry: Geometry,
    grad: Tensor,
    d_input: Tensor | None,
) -> Gradients:
    """Gradients of one part: ``d_input`` is filled in, others returned."""
    d_lattice, found = _lattice_gradients(saved, needs, geometry, grad)
    if d_lattice is None:
        return found
    input, order, scale = saved.input, saved.order, geometry.scale
    if order is None:
        d_input.copy_(to_cells(d_lattice, scale))
        return found
    d_places = take_up(d_lattice, scale)
    del d_lattice
    if saved.mask is not None:
        # Without the mask, which may have made values the same.
        places = to_places(input, order, scale)
        given = saved.statistics, saved.mask, saved.kernel, scale
        d_places, found['mask_weight'], found['mask_bias'] = (
            cell_mask.mask_gradients(d_places, places, *given)
        )
        del places
    if needs.input or needs.relaxed:
        d_input = torch.empty_like(input) if d_input is None else d_input
        back = by_place(order, scale).argsort()
        given = like(d_places.flatten(1, 2), input), back
        layout.permute_channels(*given, d_input)
    if needs.relaxed:
        given = input, saved.relaxed, order
        found['relaxed'] = relaxed_gradient(d_input, *given)
    return found


def _lattice_gradients(
    saved: Saved, needs: Needs, geometry: Geometry, grad: Tensor
) -> tuple[Tensor | None, Gradients]:
    """Go back through the convolution to the lattice, where needed."""
    conv = lattice_conv(geometry)
    given = saved.input, saved.order, geometry.scale, saved.mask
    lattice = layout.pad(inside(_routed_lattice(*given), conv.cut), conv.added)
    if geometry.sites > 1:
        grad = to_lattice(grad, geometry.sites)
    in_front_too = needs.input or any(needs[3:])
    d_lattice, d_weight, _ = cell_mask.conv_gradients(
        like(grad, lattice),
        lattice,
        like(saved.weight, lattice),
        conv.arguments,
        (in_front_too, needs.weight, False),
    )
    found = dict(weight=d_weight) if needs.weight else {}
    if in_front_too:
        d_lattice = layout.pad(inside(d_lattice, conv.added), conv.cut)
    return d_lattice, found


def _routed_lattice(
    input: Tensor, order: Tensor | None, scale: int, mask: Tensor | None = None
) -> Tensor:
    """Route and reconstruct, and mask where that is known."""
    if order is None:
        return to_lattice(input, scale)
    places = to_places(input, order, scale)
    return lay_out(places if mask is None else places.mul_(mask), scale)
