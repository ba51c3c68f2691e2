_base_ = './building_512x512.py'
# Cut first: to resize a whole 5000 x 5000 tile would take a second.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    dict(type='RandomCrop', crop_size=(1024, 1024)),
    dict(
        type='RandomResize',
        scale=(1024, 1024),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=(512, 512)),
    dict(
        type='RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
dataset = dict(type='InriaDataset', data_root='data/AerialImageDataset')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **dataset))
val_dataloader = dict(dataset=dataset)
# The test tiles have no public truth: results are those of tiles 1-5.
test_dataloader = dict(dataset=dict(split='val', **dataset))
# Inria's authors score every region as well.
val_evaluator = dict(group_by='([a-z-]+)')
test_evaluator = val_evaluator
