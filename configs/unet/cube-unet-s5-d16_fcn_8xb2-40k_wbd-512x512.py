_base_ = ['./unet-s5-d16_fcn_8xb2-40k_wbd-512x512.py', '../_base_/cube.py']
model = dict(
    backbone=dict(conv_cfg=_base_.cube),
    decode_head=dict(conv_cfg=_base_.cube),
)
