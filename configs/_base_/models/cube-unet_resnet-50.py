_base_ = ['./unet_resnet-50.py', './cube.py']
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4 + [None]))
