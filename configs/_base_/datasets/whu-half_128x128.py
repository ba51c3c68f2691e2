# Images at half of their resolution, four times the ground per crop. Masks of
# validation and test stay whole: scores count the pixels of the files.
_base_ = './whu_128x128.py'
half = dict(type='Resize', scale_factor=0.5, keep_ratio=True)
train_pipeline = [*_base_.train_pipeline[:2], half, *_base_.train_pipeline[2:]]
test_pipeline = [*_base_.test_pipeline[:1], half, *_base_.test_pipeline[1:]]
tta_pipeline = [*_base_.tta_pipeline[:1], half, *_base_.tta_pipeline[1:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
