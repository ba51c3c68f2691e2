_base_ = './whu_512x512.py'
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomCrop', crop_size=(128, 128)),
    *_base_.train_pipeline[4:],  # behind the crop
]
train_dataloader = dict(
    batch_size=8, num_workers=1, dataset=dict(pipeline=train_pipeline)
)
val_dataloader = dict(num_workers=1)
test_dataloader = dict(num_workers=1)
