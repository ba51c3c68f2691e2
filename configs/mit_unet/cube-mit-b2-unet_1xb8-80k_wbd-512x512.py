_base_ = ['./mit-b2-unet_1xb8-80k_wbd-512x512.py', '../_base_/cube.py']
model = dict(decode_head=dict(conv_cfg=[_base_.cube] * 4 + [None]))
