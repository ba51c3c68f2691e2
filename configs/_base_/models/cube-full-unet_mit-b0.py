_base_ = ['./unet_mit-b0.py', './cube-full.py']
model = dict(decode_head=dict(conv_cfg=_base_.cube))
