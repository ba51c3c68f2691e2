# Protocol "full": every pixel of tiles 1-5 of each region validates.
_base_ = './building_512x512.py'
meta_keys = (
    'img_path',
    'seg_map_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'reduce_zero_label',
    'region',
    'tile',
    'raster_shape',
    'window',
    'core',
)
augmentation = [
    dict(type='RandomCrop', crop_size=(512, 512)),
    dict(
        type='RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    # Windows are twice as wide as the crop, for those that are shrunk.
    dict(
        type='RandomResize',
        scale=(1024, 1024),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    *augmentation,
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBuildingMask'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='RandomFlip', prob=0.0),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='vertical'),
            ],
            [dict(type='LoadBuildingMask')],
            [dict(type='PackSegInputs', meta_keys=meta_keys)],
        ],
    ),
]
dataset = dict(type='InriaDataset', data_root='data/AerialImageDataset')
train_dataloader = dict(
    dataset=dict(
        windows='random', window_size=1024, pipeline=train_pipeline, **dataset
    )
)
val_dataloader = dict(
    dataset=dict(windows='grid', pipeline=test_pipeline, **dataset)
)
# The test tiles have no public truth: results are those of tiles 1-5.
test_dataloader = dict(
    dataset=dict(
        split='val', windows='grid', pipeline=test_pipeline, **dataset
    )
)
# Inria's authors score every region as well.
val_evaluator = dict(group_by='([a-z-]+)')
test_evaluator = val_evaluator
