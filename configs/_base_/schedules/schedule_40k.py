_base_ = './schedule_80k.py'
# Twice the batch in half the iterations: the rate grows by the square root of
# two, as is usual for Adam.
optim_wrapper = dict(optimizer=dict(lr=7e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=750),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.0,
        begin=750,
        end=40000,
        by_epoch=False,
    ),
]
train_cfg = dict(max_iters=40000, val_interval=2000)
default_hooks = dict(checkpoint=dict(interval=2000))
