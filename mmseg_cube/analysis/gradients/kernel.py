"""Gradient of a kernel, one and the same for plain and Cube convolutions.

This project. Every channel of a plain convolution has weights at all taps of
its k x k kernel. A Cube convolution equals one with a coarse kernel (2 x 2
for r = 2, q = 3), in which a channel has weights only at the taps that its
parity reaches, and zeros elsewhere. Vectors of such different supports cannot
be correlated. So the gradient is taken with respect to all entries of that
coarse kernel, as if the zeros were free to move::

    g[d, c, u, v] = sum over n, h, w of dL/dy[n, d, h, w]
                                        * x[n, c, s*h + u - p, s*w + v - p]

where x is what the kernel reads: the input, masked where there is a mask. At
the taps that a channel reaches it is the gradient of the Cube weights; for a
plain convolution it is that of its weights. Groups are ignored in the same
way: all input channels meet all output channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import cell_pads, fold_weight


@torch.no_grad()
def kernel_gradient(conv: nn.Conv2d, input: Tensor, grad: Tensor) -> Tensor:
    """Gradient of the dense kernel of a convolution.

    Args:
        conv: An ``nn.Conv2d`` or a :class:`CubeConv2d`.
        input: Its input, of shape (N, C, H, W).
        grad: Gradient of its output, of shape (N, D, H', W').

    Returns:
        Tensor of shape (D, C, K, K'), channels in the order in which they
        arrive.
    """
    if isinstance(conv, CubeConv2d):
        return _cube_gradient(conv, input, grad)
    # Filled by torch for every padding, 'same' included.
    pads = conv._reversed_padding_repeated_twice
    zeros = conv.padding_mode == 'zeros'
    input = F.pad(input, pads, 'constant' if zeros else conv.padding_mode)
    size = (conv.out_channels, conv.in_channels, *conv.kernel_size)
    return conv2d_weight(
        input, size, grad, conv.stride, dilation=conv.dilation
    )


def _cube_gradient(conv: CubeConv2d, input: Tensor, grad: Tensor) -> Tensor:
    given = conv.prepare(input)
    geometry, order = given.geometry, given.order
    rows, columns = cell_pads(geometry, 0), cell_pads(geometry, 1)
    input = F.pad(given.cells(), (*columns, *rows))
    taps = fold_weight(conv.weight[:1], geometry).shape[2:]
    size = (conv.out_channels, conv.in_channels, *taps)
    kernel = conv2d_weight(input, size, grad, conv.stride)
    return kernel if order is None else kernel[:, order.argsort()]
