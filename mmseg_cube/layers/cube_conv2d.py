"""Cube convolution as a layer, with router and mask where wanted."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_cube.layers.channel_router import ChannelRouter
from mmseg_cube.layers.plain_convolution import deploy_cube
from mmseg_cube.layers.spatial_mask import SpatialMask
from mmseg_cube.ops import (
    AUTO,
    FEW_CHANNELS,
    PHASES,
    Geometry,
    Operands,
    convolve,
    forms_of,
)
from mmseg_cube.ops.geometry import (
    NOTHING,
    Pads,
    Pair,
    check_choice,
    check_whole,
    make_geometry,
    to_pair,
)
from mmseg_cube.ops.layout import pad
from mmseg_cube.ops.rules import check_cube_rules, check_input

# Symbolic tracing does not look into it.
torch.fx.wrap('convolve')

Size = int | Pair


def _check_parts(**given: object) -> None:
    """Name the argument, which Python would not."""
    for name, part in given.items():
        if not isinstance(part, dict | None):
            raise ValueError(
                f'{name} must be a dict of its arguments, such as dict(), or '
                f'None, not {part!r}'
            )


def is_hooked(module: nn.Module) -> bool:
    """Whether someone looks at what goes through a module."""
    forward = module._forward_hooks or module._forward_pre_hooks
    backward = module._backward_hooks or module._backward_pre_hooks
    return bool(forward or backward)


def _is_watched(part: nn.Module | None, kind: type) -> bool:
    """Whether a module is hooked, or has a forward of its own."""
    if part is None:
        return False
    return type(part).forward is not kind.forward or is_hooked(part)


class CubeConv2d(nn.Conv2d):
    """Convolution whose channels are laid out on a finer lattice.

    It takes the place, the arguments and the output size of an
    ``nn.Conv2d``, at ``1 / scale^2`` of its weights and operations; with
    weights shared by the channels of a cell (``lattice_stride=1``) at ``1 /
    scale^4`` of its weights.

    Args:
        in_channels: Input channels, C, divisible by ``scale^2``.
        out_channels: Output channels, D.
        kernel_size: Kernel of the convolution it stands in for.
        stride: Stride in cells of the coarse grid.
        padding: Padding in cells; a number, a pair, ``'same'``, ``'valid'``.
        dilation: Spacing of the taps in lattice pixels; coprime to
            ``scale``.
        groups: Groups of channels, each of whole cells.
        bias, padding_mode, device, dtype: As in ``nn.Conv2d``; padding is
            that of the coarse grid.
        scale: Lattice pixels per cell and axis, r. With 1 the layer is the
            ``nn.Conv2d``.
        lattice_kernel_size: Kernel on the lattice, q; by default as the
            other.
        lattice_stride: Lattice pixels from one window to the next, by default
            a cell. Below that a cell has n x n windows, n = r /
            lattice_stride, which share one kernel: the layer has D / n^2
            kernels, and the n^2 outputs of each follow each other in order of
            rows and columns. D must be divisible by n^2.
        phase: ``'up_left'`` or ``'down_right'``: where a window leans that
            cannot be centred on its cell (q = 3 with r = 2).
        form: How to execute it: one of ``FORMS``, all with the same result,
            or ``'auto'`` for the fastest one.
        router: Arguments of a :class:`ChannelRouter` for the input channels.
        mask: Arguments of a :class:`SpatialMask` for the lattice.

    Shape:
        (N, C, H, W) to (N, D, H', W'); ``weight`` is (D / n^2, C /
        scale^2 / groups, q, q), n = 1 by default.

    Raises:
        CubeRuleError: A ``ValueError`` that names the rule and the value, if
            the layer would skip channels or split cells.
        ValueError: If a number, ``phase`` or ``form`` is out of its domain.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = 'zeros',
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        *,
        scale: int = 2,
        lattice_kernel_size: Size | None = None,
        lattice_stride: int | None = None,
        phase: str = 'up_left',
        form: str = AUTO,
        router: dict | None = None,
        mask: dict | None = None,
    ) -> None:
        _check_parts(router=router, mask=mask)
        channels = dict(in_channels=in_channels, out_channels=out_channels)
        check_whole(1, **channels, groups=groups)
        check_whole(1, pairs=True, stride=stride)
        if not isinstance(padding, str):
            check_whole(0, pairs=True, padding=padding)
        lattice = lattice_kernel_size, dilation, scale, phase, lattice_stride
        geometry = make_geometry(kernel_size, *lattice, groups=groups)
        check_cube_rules(in_channels, out_channels, geometry)
        check_choice('form', form, (AUTO, *forms_of(geometry)))
        factory = dict(device=device, dtype=dtype)
        shared = geometry.sites**2
        channels = in_channels // scale**2, out_channels // shared
        options = stride, padding, dilation, groups, bias, padding_mode
        super().__init__(*channels, geometry.taps, *options, **factory)
        # From here on the attributes are those of the replaced convolution.
        self.in_channels, self.out_channels = in_channels, out_channels
        if bias and shared > 1:
            # Kernels are shared by outputs, biases are not.
            self.bias = nn.Parameter(torch.empty(out_channels, **factory))
            self.reset_parameters()
        self.kernel_size = geometry.kernel_size
        self.lattice_kernel_size = geometry.taps
        self.scale = scale
        self.lattice_stride = scale // geometry.sites
        self.phase = phase
        self.form = form
        self.router = self.mask = None
        if router is not None:
            self.router = ChannelRouter(in_channels, **router, **factory)
        if mask is not None:
            self.mask = SpatialMask(**mask, **factory)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer to an input of shape (N, C, H, W) or (C, H, W)."""
        # The compiler of torch 2.1 does not look into a forward of torch.nn.
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(
        self, input: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        # mmcv and others call it with weights into which they have folded a
        # norm.
        return convolve(self.prepare(input, (weight, bias)), self.form)

    def prepare(
        self, input: Tensor, weights: Sequence[Tensor | None] = ()
    ) -> Operands:
        """Make of an input what :func:`mmseg_cube.ops.convolve` takes.

        The ``cells()`` of it are what the kernel reads, to which its geometry
        adds zeros: the input, padded in other modes than zeros, routed and
        masked. ``weights`` are those of the layer, or others.
        """
        symbolic = isinstance(input, torch.fx.Proxy)
        recorded = symbolic or torch.jit.is_tracing()
        geometry, mode = self.geometry, self.padding_mode
        if not recorded:
            check_input(input.shape, self.in_channels, geometry, mode)
        if mode != 'zeros':
            pads, geometry = self.split_padding()
            input = pad(input, pads, mode)
        order = relaxed = mask = None
        watched = _is_watched(self.router, ChannelRouter)
        watched = watched or _is_watched(self.mask, SpatialMask)
        if watched and not recorded:
            input = self._call_parts(input)
        else:
            if self.router is not None:
                order, relaxed = self.router.order_and_relaxation()
            if self.mask is not None:
                mask = self.mask.weight, self.mask.bias
        weights = weights or (self.weight, self.bias)
        return Operands(input, *weights, geometry, mask, order, relaxed)

    def _call_parts(self, input: Tensor) -> Tensor:
        """Route and mask step by step, so that hooks see what they await."""
        if input.dim() == 3:
            return self._call_parts(input[None])[0]
        if len(input) == 0:  # which torch cannot shuffle back
            sample = input.new_zeros(1, *input.shape[1:])
            return self._call_parts(torch.cat((input, sample)))[:0]
        if self.router is not None:
            input = self.router(input)
        if self.mask is not None:
            lattice = self.mask(F.pixel_shuffle(input, self.scale))
            input = F.pixel_unshuffle(lattice, self.scale)
        return input

    def split_padding(self) -> tuple[Pads | None, Geometry]:
        """Padding (before, after) per axis that comes first, and the rest.

        The operator pads with zeros only; in other modes the layer pads.
        """
        if self.padding_mode == 'zeros':
            return None, self.geometry
        return self._pads(), self._geometry(NOTHING)

    def switch_to_deploy(
        self, plain: bool | None = None, few: int = FEW_CHANNELS
    ) -> nn.Module:
        """Layer that takes its place after training, :func:`deploy_cube`."""
        return deploy_cube(self, plain, few)

    @property
    def geometry(self) -> Geometry:
        """Geometry of the convolution."""
        return self._geometry(self._pads())

    def _pads(self) -> Pads:
        if self.padding == 'same':
            # Neither zip(strict=True) nor _replace: torch 2.1 compiles this.
            spans = [
                self.dilation[i] * (self.kernel_size[i] - 1) for i in (0, 1)
            ]
            return tuple((span // 2, span - span // 2) for span in spans)
        padding = 0 if self.padding == 'valid' else self.padding
        return tuple((p, p) for p in to_pair(padding))

    def _geometry(self, pads: Pads) -> Geometry:
        kernels = self.kernel_size, self.lattice_kernel_size
        options = self.dilation, self.groups, self.scale, self.phase
        sites = self.scale // self.lattice_stride
        return Geometry(*kernels, self.stride, pads, *options, sites)

    def extra_repr(self) -> str:
        """Arguments of ``nn.Conv2d``, then those that differ from default."""
        usual = dict(scale=None, lattice_kernel_size=self.kernel_size)
        usual |= dict(lattice_stride=self.scale, phase=PHASES[0], form=AUTO)
        own = {name: getattr(self, name) for name in usual}
        own = (f', {k}={v!r}' for k, v in own.items() if v != usual[k])
        return super().extra_repr() + ''.join(own)
