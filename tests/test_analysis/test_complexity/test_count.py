import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.analysis.complexity.count import (
    complexity,
    complexity_by_module,
)

CONVNEXT = dict(
    type='mmpretrain.ConvNeXt',
    arch=dict(depths=[1], channels=[8]),
    out_indices=[0],
    gap_before_final_norm=False,
)
UNET_HEAD = dict(type='UNetHead', in_channels=[8], widths=[4])
SWIN = dict(
    type='SwinTransformer',
    embed_dims=8,
    depths=(2, 2, 2, 2),
    num_heads=(1, 2, 4, 8),
    window_size=4,
)
UPER = dict(
    type='UPerHead',
    in_channels=[8, 16, 32, 64],
    in_index=[0, 1, 2, 3],
    channels=8,
)
UNET = dict(type='UNet', base_channels=4)
FCN = dict(type='FCNHead', in_channels=4, channels=4, in_index=4)


def segmentor(backbone, head):
    init_default_scope('mmseg')
    return ConfigDict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor'),
        backbone=backbone,
        decode_head=dict(
            num_classes=2,
            out_channels=2,
            norm_cfg=dict(type='BN'),
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
            **head,
        ),
        test_cfg=dict(mode='whole'),
    )


@pytest.mark.parametrize(
    'backbone, head', [(CONVNEXT, UNET_HEAD), (UNET, FCN), (SWIN, UPER)]
)
def test_counts_what_a_cpu_computes(backbone, head):
    cfg = segmentor(backbone, head)
    counted, oblong = complexity(cfg, 64), complexity(cfg, (64, 128))
    model = MODELS.build(cfg)
    model.eval()
    outputs = []
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(
                lambda _, __, out: outputs.append(out.numel())
            )
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model(torch.zeros(1, 3, 64, 64), mode='tensor')
    assert counted.parameters == sum(p.numel() for p in model.parameters())
    assert counted.flops == flops.get_total_flops()
    if backbone is SWIN:  # attention multiplies without a layer
        assert counted.activations > sum(outputs)
    else:
        assert counted.activations == sum(outputs)
        assert oblong.activations == 2 * counted.activations
        assert oblong.flops == 2 * counted.flops
    assert oblong.parameters == counted.parameters


def test_counts_by_hand():
    counted = complexity_by_module(segmentor(CONVNEXT, UNET_HEAD), size=64)
    stem, depthwise, mlp = 3 * 8 * 16, 8 * 49, 2 * 8 * 32
    coarse = 16 * 16 * (stem + depthwise + mlp)
    level, classifier = 9 * (8 * 4 + 4 * 4), 4 * 2
    fine = 32 * 32 * (level + classifier)
    whole, head = counted[''], counted['decode_head']
    assert whole.flops == 2 * (coarse + fine)
    assert head.flops == 2 * fine
    assert counted['decode_head.conv_seg'].flops == 2 * 32 * 32 * classifier
    norms = 8 * 2 * 3 + 4 * 2 * 2
    biases = 8 + 8 + 32 + 8 + 2
    gamma = 8
    weights = stem + depthwise + mlp + level + classifier
    assert whole.parameters == weights + norms + biases + gamma
    assert head.parameters == level + classifier + 4 * 2 * 2 + 2
    assert head.activations == 32 * 32 * (4 + 4 + 2)
    inner = 8 + 8 + 32 + 8
    assert whole.activations == 16 * 16 * inner + head.activations


def test_size_that_does_not_pass_is_said():
    # Four poolings, so that sides must be multiples of 16.
    with pytest.raises(ValueError, match='no image of 72 x 72 passes'):
        complexity(segmentor(UNET, FCN), 72)

    class Deciding(BaseModule):
        def forward(self, x):
            return [x[:, :1].repeat(1, 4, 1, 1) if x.sum() > 0 else x] * 5

    with pytest.raises(ValueError, match='decide by the values'):
        complexity(segmentor(dict(type=Deciding), FCN), 64)
