_base_ = './unet_convnext-t.py'
checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/downstream/convnext-base_3rdparty_32xb128-noema_in1k_20220301-2a0ee547.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='base', drop_path_rate=0.4, init_cfg=dict(checkpoint=checkpoint)
    ),
    decode_head=dict(in_channels=[128, 256, 512, 1024]),
)
