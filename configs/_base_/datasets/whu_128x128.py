_base_ = './whu_512x512.py'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(
        type='RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8, num_workers=1, dataset=dict(pipeline=train_pipeline)
)
val_dataloader = dict(num_workers=1)
test_dataloader = dict(num_workers=1)
