# Protocol "buildformer": only patches with more than 5 % building count.
_base_ = './inria_512x512.py'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    dict(
        type='RandomResize',
        scale=(512, 512),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    *_base_.augmentation,
]
patches = dict(protocol='buildformer', windows='grid', window_size=512)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **patches))
val_dataloader = dict(dataset=patches)
# The validation patches serve as test.
test_dataloader = dict(dataset=patches)
