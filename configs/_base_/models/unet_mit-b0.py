# Small enough to learn from scratch on a CPU: no level at full resolution.
_base_ = './unet_mit-b2.py'
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(
        embed_dims=32,
        num_layers=[2, 2, 2, 2],
        drop_path_rate=0.0,
        init_cfg=None,
    ),
    decode_head=dict(
        in_channels=[32, 64, 160, 256],
        widths=[128, 64, 32, 16],
    ),
)
