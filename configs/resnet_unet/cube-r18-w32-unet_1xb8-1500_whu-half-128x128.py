_base_ = [
    './r18-w32-unet_1xb8-1500_whu-half-128x128.py',
    '../_base_/cube.py',
]
model = dict(decode_head=dict(conv_cfg=_base_.cube))
