# Tiles of several places at one ground resolution, in one folder. What is in
# front of the first hyphen of a tile's name is the set that it comes from:
# docs/model_card.md says which, and how the folder is made.
_base_ = './building_512x512.py'
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomScale', ratio_range=(0.7, 1.4)),
    dict(type='RandomRotate', prob=0.5, degree=45.0),
    dict(type='RandomCrop', crop_size=(256, 256)),
    *_base_.train_pipeline[4:],  # behind the crop
]
dataset = dict(type='BuildingDataset', data_root='data/roofs')
train_dataloader = dict(dataset=dict(dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
val_evaluator = dict(group_by='([^-]+)', curve=dict())
test_evaluator = val_evaluator
