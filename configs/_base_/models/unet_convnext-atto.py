# Small enough to learn from scratch on a CPU: no level at full resolution.
_base_ = './unet_convnext-t.py'
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(arch='atto', drop_path_rate=0.0, init_cfg=None),
    decode_head=dict(
        in_channels=[40, 80, 160, 320],
        widths=[128, 64, 32, 16],
    ),
)
