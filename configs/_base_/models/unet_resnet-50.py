_base_ = './segmentor.py'
model = dict(
    backbone=dict(
        type='ResNetV1c',
        depth=50,
        norm_cfg=_base_.norm_cfg,
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://resnet50_v1c'
        ),
    ),
    decode_head=dict(type='UNetHead', in_channels=[256, 512, 1024, 2048]),
)
