_base_ = ['./convnext-t-unet_8xb2-40k_wbd-512x512.py', '../_base_/cube.py']
model = dict(
    decode_head=dict(
        conv_cfg=[_base_.small_cube] * 3 + [_base_.cube, None],
    ),
)
