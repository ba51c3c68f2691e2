# EfficientNet-Lite0 trained on ImageNet: a small network for any machine.
# `mmseg-cube weights efficientnet_lite0` puts its weights where this looks.
_base_ = './segmentor.py'
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        pretrained=True,
        pretrained_cfg_overlay=dict(file='pretrained/efficientnet_lite0.pth'),
    ),
    decode_head=dict(
        type='UNetHead',
        in_channels=[16, 24, 40, 112, 320],
        in_index=[0, 1, 2, 3, 4],
        widths=[128, 64, 32, 16, 16],
    ),
)
