_base_ = ['./unet_mit-b2.py', './cube.py']
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4 + [None]))
