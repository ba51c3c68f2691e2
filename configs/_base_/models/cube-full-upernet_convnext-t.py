_base_ = ['./upernet_convnext-t.py', './cube-full.py']
model = dict(decode_head=dict(conv_cfg=_base_.cube))
