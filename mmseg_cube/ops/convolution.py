"""Cube convolution: one convolution over space and neighbouring channels.

Source: the Cube Kernel's reconstruction of channels onto a finer spatial
lattice; the exact form below is this project's. With N batch, C input and D
output channels, H x W the coarse grid, r the scale and G = C / r^2::

    x <- x[:, order]                                            (route)
    z[n, g, r*h + i, r*w + j] = x[n, g*r^2 + i*r + j, h, w]     (reconstruct)
    z <- m(z) * z                                               (mask)
    y = conv(z; weight (D, G, q, q), stride r*s)                (convolve)

A window of q x q lattice pixels spans both neighbouring cells and the
channels that share a cell, so it mixes space and channels at once.

With a ``lattice_stride`` t below r there are n x n windows per cell, n =
r / t, which share their weights and give D / n^2 values each::

    u = conv(z; weight (D / n^2, G, q, q), stride t)
    y[n, d*n^2 + i*n + j, h, w] = u[n, d, n*h + i, n*w + j]

so that every weight meets every channel of a cell, and its gradient comes
from all of them. A stride s of cells then keeps every s-th cell of the
result.

A tap of the lattice kernel falls into one cell of the coarse grid and reads
there only the channels of one parity. So there are three exact forms:
``lattice`` as above (:mod:`mmseg_cube.ops.lattice`), and on the coarse grid
``folded`` and ``parity`` (:mod:`mmseg_cube.ops.coarse`), of which windows
that share their weights have the first one.
"""

import torch
from torch import Tensor

from mmseg_cube.ops.coarse import folded_form, parity_form
from mmseg_cube.ops.context import is_compiling, is_exporting, is_traced
from mmseg_cube.ops.fused_lattice import fused_lattice
from mmseg_cube.ops.geometry import Geometry, folding_saves
from mmseg_cube.ops.lattice import plain_lattice
from mmseg_cube.ops.layout import is_channels_last
from mmseg_cube.ops.operands import Operands

FORMS = ('lattice', 'folded', 'parity')
AUTO = 'auto'
# Channels of the lattice at which another form takes over; measured.
FEW_CHANNELS, SOME_CHANNELS, MANY_CHANNELS = 16, 32, 64


def forms_of(geometry: Geometry) -> tuple[str, ...]:
    """Forms that a Cube convolution of this geometry has."""
    return FORMS if geometry.sites == 1 else FORMS[:2]


def convolve(operands: Operands, form: str = AUTO) -> Tensor:
    """Cube convolution in one of its forms, or the fastest one.

    Args:
        operands: Input of shape (N, C, H, W) or (C, H, W), weights and
            geometry, which keeps the rules (:mod:`mmseg_cube.ops.rules`).
        form: One of :func:`forms_of` its geometry, or ``'auto'``.

    Returns:
        Tensor of shape (N, D, H', W') or (D, H', W'), sized like the output
        of the convolution that is replaced.
    """
    if operands.input.dim() == 3:
        batch = operands._replace(input=operands.input[None])
        return convolve(batch, form)[0]
    traced = is_traced()
    if not traced and len(operands.input) == 0:
        # Torch cannot go back through an empty shuffle.
        sample = operands.input.new_zeros(1, *operands.input.shape[1:])
        one = operands._replace(input=torch.cat((operands.input, sample)))
        return convolve(one, form)[:0]
    # The taps of masked cells have fixed sizes in files of ONNX.
    fixed = form == 'parity' and operands.mask is not None
    if form == AUTO or (fixed and torch.jit.is_tracing()):
        form = recorded_form(operands) if traced else choose_form(operands)
    if form == 'folded':
        return folded_form(operands)
    if form == 'parity':
        return parity_form(operands)
    geometry = operands.geometry
    in_part = geometry.sites > 1 and geometry.stride != (1, 1)
    # Torch convolves complex numbers in parts, with no gradient as a whole.
    plain = traced or in_part or operands.input.is_complex()
    if plain or geometry.scale == 1:
        return plain_lattice(operands)
    return fused_lattice(operands)


def recorded_form(operands: Operands) -> str:
    """The form for a graph, which cannot choose, nor keep folded weights.

    The compiler of torch fails at the gradient of a lattice of open size that
    goes straight into its convolution, without a mask.
    """
    geometry, trained = operands.geometry, torch.is_grad_enabled()
    bare = geometry.scale > 1 and operands.mask is None
    compiled = is_compiling() and not is_exporting()
    if bare and trained and compiled and geometry.sites == 1:
        return 'parity'
    return 'lattice'


def choose_form(operands: Operands) -> str:
    """The form that ``mmseg-cube speed operator`` measured as the fastest.

    On a CPU the lattice form leads with channels last, and with a mask, which
    it applies on its way. Otherwise much of its time goes into changes of the
    layout, and the others lead where channels are so few that operations
    hardly count, or so many that a matrix product runs at its best; but not
    with large kernels (q = 4).
    """
    input, geometry = operands.input, operands.geometry
    if operands.mask is not None or input.device.type != 'cpu':
        return 'lattice'
    channels = input.shape[1] // geometry.scale**2
    if channels < FEW_CHANNELS:
        return 'folded'
    if is_channels_last(input) or not folding_saves(geometry):
        return 'lattice'
    if torch.is_grad_enabled():
        return 'folded' if channels < SOME_CHANNELS else 'parity'
    # Weights with channels last ask for such a result.
    few = channels < MANY_CHANNELS or is_channels_last(operands.weight)
    return 'lattice' if few else 'parity'
