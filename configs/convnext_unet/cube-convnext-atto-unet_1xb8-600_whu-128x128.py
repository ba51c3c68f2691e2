_base_ = ['./convnext-atto-unet_1xb8-600_whu-128x128.py', '../_base_/cube.py']
model = dict(decode_head=dict(conv_cfg=_base_.cube))
