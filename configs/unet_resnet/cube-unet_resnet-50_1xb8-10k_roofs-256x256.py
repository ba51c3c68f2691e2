_base_ = [
    './unet_resnet-50_1xb8-10k_roofs-256x256.py',
    '../_base_/models/cube.py',
]
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4 + [None]))
