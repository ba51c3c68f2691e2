_base_ = [
    '../_base_/models/unet_resnet-50.py',
    '../_base_/datasets/roofs_256x256.py',
    '../_base_/schedules/schedule_10k.py',
    '../_base_/default_runtime.py',
]
# `mmseg-cube weights resnet50` puts the weights where this looks.
weights = dict(type='Pretrained', checkpoint='pretrained/resnet50.pth')
model = dict(
    data_preprocessor=dict(size=(256, 256)),
    backbone=dict(type='ResNet', init_cfg=weights),
    test_cfg=dict(_delete_=True, mode='whole'),
)
