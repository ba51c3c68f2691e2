"""U-Net decoder over the stages of any backbone."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_cube.ops.geometry import check_whole


class UNetLevel(nn.Module):
    """Upsample, concatenate the skip, convolve.

    ``skip_channels`` is 0 for a level without a skip; ``conv_module`` are the
    other arguments of mmcv's ConvModule.
    """

    def __init__(
        self,
        in_channels: int,
        skip_channels: int,
        out_channels: int,
        align_corners: bool,
        num_convs: int = 2,
        **conv_module,
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        channels = in_channels + skip_channels
        self.names = [f'conv{i + 1}' for i in range(num_convs)]
        for name in self.names:
            conv = ConvModule(
                channels, out_channels, 3, padding=1, **conv_module
            )
            self.add_module(name, conv)
            channels = out_channels

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """Go up to the size of the skip, or to twice the size without one."""
        height, width = x.shape[2:]
        size = (2 * height, 2 * width) if skip is None else skip.shape[2:]
        # The check of mmseg's resize would fix the size in an exported graph.
        x = F.interpolate(x, size, None, 'bilinear', self.align_corners)
        if skip is not None:
            x = torch.cat((x, skip), 1)
        for name in self.names:
            x = getattr(self, name)(x)
        return x


@MODELS.register_module()
class UNetHead(BaseDecodeHead):
    """U-Net decoder, the same for a baseline and for its Cube twin.

    One level per entry of ``widths``. The first levels go up the stages of
    the backbone, from the coarsest to the finest, and concatenate them; the
    remaining ones only double the size. Source: U-Net (arXiv 1505.04597).

    Args:
        in_channels: Channels of the selected stages, finest first.
        widths: Channels of the levels, coarsest first.
        conv_cfg: Convolution of all levels, or one entry per level.
        in_index: Selected stages; defaults to the first ones in order.
        dropout_ratio: Dropout before the classifier.
        init_cfg: Initialisation. By default the classifier starts with a
            spread of ``widths[-1] ** -0.5``: with mmseg's 0.01 over so few
            channels the decoder hardly gets a gradient at first.
        num_convs: Convolutions per level.
        **kwargs: Keyword arguments of mmseg's ``BaseDecodeHead``.

    Shape:
        Stages (N, C_i, H_i, W_i) to logits (N, num_classes, H', W'), where
        H' is H_0 doubled by every level beyond the stages.

    Raises:
        ValueError: If there are fewer levels than stages to go up, the
            number of entries of ``conv_cfg`` differs from that of the levels,
            or a level had no convolution.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        widths: Sequence[int] = (256, 128, 64, 32, 16),
        conv_cfg: dict | Sequence[dict | None] | None = None,
        in_index: Sequence[int] | None = None,
        dropout_ratio: float = 0.1,
        init_cfg: dict | list[dict] | None = None,
        num_convs: int = 2,
        **kwargs,
    ) -> None:
        stages = len(in_channels)
        if len(widths) < stages - 1:
            raise ValueError(
                f'widths needs at least {stages - 1} levels to go up '
                f'{stages} stages, but got {tuple(widths)}'
            )
        check_whole(1, num_convs=num_convs)
        per_level = isinstance(conv_cfg, (list, tuple))
        conv_cfgs = conv_cfg if per_level else [conv_cfg] * len(widths)
        if len(conv_cfgs) != len(widths):
            raise ValueError(
                f'conv_cfg needs one entry for each of the {len(widths)} '
                f'levels, but got {len(conv_cfgs)}'
            )
        kwargs.setdefault('num_classes', 2)
        # Two logits are wanted; left out, mmseg warns that one could do.
        kwargs.setdefault('out_channels', kwargs['num_classes'])
        if init_cfg is None:
            init_cfg = dict(type='Normal', std=widths[-1] ** -0.5)
            init_cfg['override'] = dict(name='conv_seg')
        super().__init__(
            in_channels=list(in_channels),
            channels=widths[-1],
            in_index=list(range(stages) if in_index is None else in_index),
            input_transform='multiple_select',
            dropout_ratio=dropout_ratio,
            conv_cfg=conv_cfg,
            init_cfg=init_cfg,
            **kwargs,
        )
        skips = [*reversed(in_channels[:-1]), *[0] * len(widths)]
        below = [in_channels[-1], *widths]
        shared = dict(norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        options = self.align_corners, num_convs
        # Ends with the widths: there are skips and channels to spare.
        levels = zip(below, skips, widths, conv_cfgs, strict=False)
        self.levels = nn.ModuleList(
            UNetLevel(*channels, *options, conv_cfg=cfg, **shared)
            for *channels, cfg in levels
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Decode the stages into logits."""
        *skips, x = self._transform_inputs(inputs)
        for level in self.levels:
            x = level(x, skips.pop() if skips else None)
        return self.cls_seg(x)
