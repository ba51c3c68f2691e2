_base_ = [
    '../_base_/models/unet_efficientnet-lite0.py',
    '../_base_/datasets/roofs_256x256.py',
    '../_base_/schedules/schedule_10k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=(256, 256)),
    test_cfg=dict(_delete_=True, mode='whole'),
)
