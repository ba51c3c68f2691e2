_base_ = ['./swin-t-unet_8xb2-40k_whu-512x512.py', '../_base_/cube.py']
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4 + [None]))
