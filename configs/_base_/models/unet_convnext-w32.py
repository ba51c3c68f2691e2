# A small ConvNeXt to learn from scratch on a CPU: a third of the width of
# ConvNeXt-T at about half of its depth.
_base_ = './unet_convnext-t.py'
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(
        arch=dict(
            _delete_=True,
            depths=[2, 2, 4, 2],
            channels=[32, 64, 128, 256],
        ),
        drop_path_rate=0.0,
        init_cfg=None,
    ),
    decode_head=dict(
        in_channels=[32, 64, 128, 256],
        widths=[128, 64, 32, 16],
    ),
)
