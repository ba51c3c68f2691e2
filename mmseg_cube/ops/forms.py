"""Three exact ways to execute the convolution, and which one to take.

This project. A tap of the lattice kernel falls into one cell of the coarse
grid and reads there only the channels of one parity. So beside the plain

* ``lattice`` form, a strided convolution of the reconstructed lattice, with
  the fewest operations (:mod:`mmseg_cube.ops.lattice`),

the same result comes from the coarse grid without any lattice
(:mod:`mmseg_cube.ops.coarse`):

* ``folded``: the taps scattered into a dense coarse kernel with zeros where a
  parity does not reach; 4/9 of a 3 x 3 convolution for r = 2, q = 3;
* ``parity``: the shifted channels of every tap side by side and one matrix
  product; 1/4 of a 3 x 3 convolution, but 9/4 of the input in memory.
"""

import torch

from mmseg_cube.ops.geometry import folding_saves
from mmseg_cube.ops.layout import is_channels_last
from mmseg_cube.ops.operands import Operands

FORMS = ('lattice', 'folded', 'parity')
AUTO = 'auto'
# Channels of the lattice at which another form takes over; measured.
FEW_CHANNELS, SOME_CHANNELS, MANY_CHANNELS = 16, 32, 64


def choose_form(operands: Operands) -> str:
    """The form that was measured to be the fastest.

    Measured on a CPU by ``mmseg-cube speed operator``. The lattice form leads
    with channels last, and with a mask, which it applies on its way.
    Otherwise much of its time goes into changes of the layout, which the
    others do without. They lead where the channels are so few that operations
    hardly count, or so many that a matrix product runs at its best, but not
    with large kernels (q = 4), where they do or keep more.
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
    return 'lattice' if channels < MANY_CHANNELS else 'parity'
