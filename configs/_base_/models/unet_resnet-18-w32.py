# A small CNN to learn from scratch on a CPU: ResNet-18 at half its width.
_base_ = './unet_resnet-50.py'
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        init_cfg=None,
    ),
    decode_head=dict(
        in_channels=[32, 64, 128, 256],
        widths=[128, 64, 32, 16],
    ),
)
