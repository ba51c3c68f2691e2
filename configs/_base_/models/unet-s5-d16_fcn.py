_base_ = './segmentor.py'
model = dict(
    backbone=dict(
        type='UNet', base_channels=64, num_stages=5, norm_cfg=_base_.norm_cfg
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=64,
        in_index=4,
        channels=64,
        num_convs=1,
        concat_input=False,
    ),
)
