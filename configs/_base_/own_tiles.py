# The default network on own tiles at about 0.30 m a pixel, in
# {train,val,test}/{image,label}: commands take it where no config is named.
# mmseg-cube train --cfg-options data_root=FOLDER fine-tunes it.
_base_ = '../unet_efficientnet/cube-unet_efficientnet-lite0_1xb8-10k_roofs-256x256.py'  # noqa: E501
model = dict(
    init_cfg=dict(type='Pretrained', checkpoint='mmseg_cube://roofs.pth'),
    backbone=dict(pretrained=False),
)
# 128: pixels that do not count in what mmseg-cube prepare writes.
dataset = dict(data_root='data/own_tiles', ignore_values=128)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
val_evaluator = dict(group_by=None)
test_evaluator = val_evaluator
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', eta_min=0.0, by_epoch=False, begin=50, end=1000),
]
train_cfg = dict(max_iters=1000, val_interval=100)
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=100),
    # An average of the weights and the statistics of batches, from the default
    # network's on: own tiles are few, and it has seen many.
    ema=dict(momentum=2e-3),
)
