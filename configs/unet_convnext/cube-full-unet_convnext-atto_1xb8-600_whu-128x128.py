_base_ = [
    '../_base_/models/cube-full-unet_convnext-atto.py',
    '../_base_/datasets/whu_128x128.py',
    '../_base_/schedules/schedule_600.py',
    '../_base_/default_runtime.py',
]
