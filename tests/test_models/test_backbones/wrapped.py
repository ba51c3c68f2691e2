# The backbones that CubeBackbone is tested with, one of each family and as
# small as they can be: config, Cube kernels that replace convolutions, and how
# it is frozen.

resnet = dict(
    backbone=dict(
        type='ResNetV1c', depth=18, base_channels=8, stem_channels=8
    ),
    replace=dict(stages=(1, 3), router=dict(), mask=dict()),
    freeze=dict(frozen_stages=2, norm_eval=True),
)
hrnet = dict(
    backbone=dict(
        type='HRNet',
        extra={
            f'stage{i}': dict(
                num_modules=1,
                num_branches=i,
                block='BOTTLENECK' if i == 1 else 'BASIC',
                num_blocks=(1,) * i,
                num_channels=(32,) if i == 1 else (8, 16, 32, 64)[:i],
            )
            for i in range(1, 5)
        },
    ),
    replace=dict(stages=(1, 3)),
    freeze=dict(norm_eval=True),
)
mit = dict(
    backbone=dict(
        type='MixVisionTransformer',
        embed_dims=8,
        num_heads=[1, 2, 2, 2],
        num_layers=[1] * 4,
    ),
    replace=dict(stages=(1, 3), router=dict(), mask=dict()),
)
swin = dict(
    backbone=dict(
        type='SwinTransformer',
        embed_dims=8,
        depths=(1, 1, 1, 1),
        num_heads=(1, 2, 2, 2),
        window_size=4,
    ),
    freeze=dict(frozen_stages=2),
)
unet = dict(
    backbone=dict(
        type='UNet',
        base_channels=8,
        num_stages=3,
        strides=(1, 1, 1),
        enc_num_convs=(2, 2, 2),
        dec_num_convs=(2, 2),
        downsamples=(True, True),
        enc_dilations=(1, 1, 1),
        dec_dilations=(1, 1),
    ),
    replace=dict(stages=(1, 2)),
    freeze=dict(norm_eval=True),
)
beit = dict(
    backbone=dict(
        type='BEiT',
        img_size=32,
        patch_size=8,
        embed_dims=16,
        num_layers=3,
        num_heads=2,
        out_indices=(0, 2),
        init_values=0.1,
    ),
    freeze=dict(norm_eval=True),
)
mmpretrain_convnext = dict(
    backbone=dict(
        type='mmpretrain.ConvNeXt',
        arch=dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32]),
        out_indices=[0, 1, 2, 3],
        gap_before_final_norm=False,
    ),
    replace=dict(stages=(1, 3), kernel_sizes=2),
    freeze=dict(frozen_stages=2),
)
timm_resnet = dict(
    backbone=dict(
        type='TIMMBackbone',
        model_name='resnet10t',
        stem_width=8,
        channels=(8, 16, 24, 32),
        pretrained=False,
        out_indices=(1, 2, 3, 4),
    ),
    replace=dict(stages=(1, 3), router=dict(), mask=dict()),
)
