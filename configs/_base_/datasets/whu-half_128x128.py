# Images at half of their resolution, four times the ground per crop. Masks of
# validation and test stay whole: scores count the pixels of the files.
_base_ = './whu_128x128.py'
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='Resize', scale_factor=0.5, keep_ratio=True),
    *_base_.train_pipeline[2:],
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=0.5, keep_ratio=True),
    dict(type='LoadBuildingMask'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
