_base_ = ['./unet_convnext-w32.py', './cube.py']
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4))
