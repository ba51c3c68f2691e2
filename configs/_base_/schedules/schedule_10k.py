# For a trained backbone and crops of 256 x 256.
_base_ = './schedule_80k.py'
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=300),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.0,
        begin=300,
        end=10000,
        by_epoch=False,
    ),
]
train_cfg = dict(max_iters=10000, val_interval=1000)
default_hooks = dict(
    checkpoint=dict(interval=1000),
    # Faster, for both twins.
    channels_last=dict(type='ChannelsLastHook'),
    # Checkpoints hold the average over about the last tenth of the training.
    ema=dict(type='EMAHook', momentum=1e-3, update_buffers=True),
)
