from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from mmseg_cube.analysis.complexity import Complexity, complexity


def test_counts_by_hand():
    init_default_scope('mmseg')
    cfg = ConfigDict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor'),
        backbone=dict(
            type='mmpretrain.ConvNeXt',
            arch=dict(depths=[1], channels=[8]),
            out_indices=[0],
            gap_before_final_norm=False,
        ),
        decode_head=dict(
            type='UNetHead',
            in_channels=[8],
            widths=[4],
            norm_cfg=dict(type='BN'),
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    )
    counted = complexity(cfg, size=64)
    stem, depthwise, mlp = 3 * 8 * 16, 8 * 49, 2 * 8 * 32
    coarse = 16 * 16 * (stem + depthwise + mlp)
    level, classifier = 9 * (8 * 4 + 4 * 4), 4 * 2
    fine = 32 * 32 * (level + classifier)
    assert counted.flops == 2 * (coarse + fine)
    norms = 8 * 2 * 3 + 4 * 2 * 2
    biases = 8 + 8 + 32 + 8 + 2
    gamma = 8
    weights = stem + depthwise + mlp + level + classifier
    assert counted.parameters == weights + norms + biases + gamma


def test_saving():
    assert Complexity(75, 50).saving(Complexity(100, 200)) == (25, 75)
