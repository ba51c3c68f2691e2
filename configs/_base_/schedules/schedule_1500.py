_base_ = './schedule_600.py'
# Lists of dicts are replaced as a whole.
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=75),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.0,
        begin=75,
        end=1500,
        by_epoch=False,
    ),
]
train_cfg = dict(max_iters=1500, val_interval=1500)
default_hooks = dict(
    checkpoint=dict(interval=250),
    # Faster on CPUs, for both twins.
    channels_last=dict(type='ChannelsLastHook'),
)
