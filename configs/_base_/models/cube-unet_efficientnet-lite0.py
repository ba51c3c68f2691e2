_base_ = ['./unet_efficientnet-lite0.py', './cube.py']
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4 + [None]))
