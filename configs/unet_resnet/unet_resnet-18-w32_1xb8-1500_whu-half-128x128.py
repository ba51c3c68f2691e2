_base_ = [
    '../_base_/models/unet_resnet-18-w32.py',
    '../_base_/datasets/whu-half_128x128.py',
    '../_base_/schedules/schedule_1500.py',
    '../_base_/default_runtime.py',
]
