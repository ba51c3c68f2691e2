_base_ = ['./convnext-t-unet_1xb8-80k_inria-512x512.py', '../_base_/cube.py']
model = dict(
    decode_head=dict(
        conv_cfg=[_base_.small_cube] * 3 + [_base_.cube, None],
    ),
)
