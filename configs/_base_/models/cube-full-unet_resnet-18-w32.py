_base_ = ['./unet_resnet-18-w32.py', './cube-full.py']
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4))
