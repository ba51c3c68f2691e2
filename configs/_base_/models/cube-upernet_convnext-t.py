_base_ = ['./upernet_convnext-t.py', './cube.py']
model = dict(decode_head=dict(conv_cfg=_base_.cube))
