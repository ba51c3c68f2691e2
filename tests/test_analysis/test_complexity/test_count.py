import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.analysis.complexity.count import (
    Complexity,
    complexity,
    complexity_by_module,
)

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
COMMON = dict(
    num_classes=2, out_channels=2, norm_cfg=dict(type='BN'), loss_decode=LOSS
)


def segmentor(backbone, head):
    init_default_scope('mmseg')
    return ConfigDict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor'),
        backbone=backbone,
        decode_head=dict(COMMON, **head),
        test_cfg=dict(mode='whole'),
    )


def branches(*channels):
    """A stage of HRNet with one block per branch."""
    return dict(
        num_modules=1,
        num_branches=len(channels),
        block='BASIC',
        num_blocks=(1,) * len(channels),
        num_channels=channels,
    )


CONVNEXT = dict(
    type='mmpretrain.ConvNeXt',
    arch=dict(depths=[1], channels=[8]),
    out_indices=[0],
    gap_before_final_norm=False,
)
UNET_HEAD = dict(type='UNetHead', in_channels=[8], widths=[4])
RESNET = dict(type='ResNetV1c', depth=18, base_channels=8)
STAGES = dict(in_channels=[8, 16, 32, 64], in_index=[0, 1, 2, 3], channels=8)
HRNET = dict(
    type='HRNet',
    norm_cfg=dict(type='BN'),
    extra=dict(
        stage1=dict(branches(8), block='BOTTLENECK'),
        stage2=branches(8, 16),
        stage3=branches(8, 16, 32),
        stage4=branches(8, 16, 32, 64),
    ),
)
SWIN = dict(
    type='SwinTransformer',
    embed_dims=8,
    depths=(2, 2, 2, 2),
    num_heads=(1, 2, 4, 8),
    window_size=4,
)
MIT = dict(
    type='MixVisionTransformer',
    embed_dims=8,
    num_layers=[1, 1, 1, 1],
    num_heads=[1, 2, 4, 8],
)
UNET = dict(type='UNet', base_channels=4)
FCN = dict(type='FCNHead', in_channels=4, channels=4, in_index=4)
ASPP = dict(type='ASPPHead', in_channels=64, channels=8, in_index=3)
HR_UNET = dict(UNET_HEAD, in_channels=[8, 16, 32, 64], widths=[8, 8, 8])
NETWORKS = dict(
    unet_convnext=(CONVNEXT, UNET_HEAD),
    unet_fcn=(UNET, FCN),
    resnet_uper=(RESNET, dict(STAGES, type='UPerHead')),
    resnet_aspp=(RESNET, ASPP),
    unet_hrnet=(HRNET, HR_UNET),
    swin_uper=(SWIN, dict(STAGES, type='UPerHead')),
    mit_segformer=(MIT, dict(STAGES, type='SegformerHead')),
)
WITH_ATTENTION = ('swin_uper', 'mit_segformer')


def count_on_the_cpu(cfg, size):
    """Parameters, operations, and outputs of convolutions and linears."""
    model = MODELS.build(cfg)
    model.eval()
    outputs = []
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(
                lambda _, __, out: outputs.append(out.numel())
            )
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model(torch.zeros(1, 3, size, size), mode='tensor')
    parameters = sum(p.numel() for p in model.parameters())
    return parameters, flops.get_total_flops(), sum(outputs)


@pytest.mark.parametrize('name', NETWORKS)
def test_counts_what_a_cpu_computes(name):
    cfg = segmentor(*NETWORKS[name])
    counted = complexity(cfg, 64)
    parameters, flops, outputs = count_on_the_cpu(cfg, 64)
    assert (counted.parameters, counted.flops) == (parameters, flops)
    if name in WITH_ATTENTION:
        assert counted.activations > outputs
    else:
        assert counted.activations == outputs


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


def test_modules_add_up():
    modules = complexity_by_module(segmentor(*NETWORKS['swin_uper']), 64)
    parts = [
        size for name, size in modules.items() if name and '.' not in name
    ]
    assert len(parts) == 3
    for key in ('parameters', 'flops', 'activations'):
        total = getattr(modules[''], key)
        assert total == sum(getattr(part, key) for part in parts) > 0


def test_height_and_width():
    cfg = segmentor(CONVNEXT, UNET_HEAD)
    square, oblong = complexity(cfg, 64), complexity(cfg, (64, 128))
    assert oblong.flops == 2 * square.flops
    assert oblong.activations == 2 * square.activations
    assert oblong.parameters == square.parameters


def test_size_that_does_not_pass_is_said():
    # Four poolings, so that sides must be multiples of 16.
    with pytest.raises(ValueError, match='no image of 72 x 72 passes'):
        complexity(segmentor(UNET, FCN), 72)


def test_network_that_looks_at_values_is_said():
    class Deciding(BaseModule):
        def forward(self, x):
            return [x[:, :1].repeat(1, 4, 1, 1) if x.sum() > 0 else x] * 5

    cfg = segmentor(dict(type=Deciding), FCN)
    with pytest.raises(ValueError, match='decide by the values'):
        complexity(cfg, 64)


def test_loads_no_weights(monkeypatch):
    told = []

    class TIMMBackbone(BaseModule):
        """Stands for mmseg's, which fetches weights by default."""

        def __init__(self, model_name, pretrained=True):
            super().__init__()
            told.append(pretrained)
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return [self.conv(x)] * 5

    monkeypatch.setitem(MODELS.module_dict, 'OtherTIMMBackbone', TIMMBackbone)
    wrapped = dict(type='OtherTIMMBackbone', model_name='any')
    for extra in (dict(), dict(pretrained=True)):
        complexity(segmentor(dict(wrapped, **extra), FCN), 64)
    assert told == [False, False]


def test_saving():
    assert Complexity(75, 50).saving(Complexity(100, 200)) == (25, 75)
