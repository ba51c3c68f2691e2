_base_ = './schedule_40k.py'
# The backbone learns from scratch, as fast as the head.
paramwise_cfg = dict(custom_keys=dict(backbone=dict(lr_mult=1.0)))
optim_wrapper = dict(paramwise_cfg=paramwise_cfg)
