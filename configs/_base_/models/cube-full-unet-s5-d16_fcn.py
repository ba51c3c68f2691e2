_base_ = ['./unet-s5-d16_fcn.py', './cube-full.py']
model = dict(
    backbone=dict(conv_cfg=_base_.cube),
    decode_head=dict(conv_cfg=_base_.cube),
)
