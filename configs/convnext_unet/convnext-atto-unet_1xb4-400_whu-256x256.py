_base_ = [
    '../_base_/models/convnext-atto_unet.py',
    '../_base_/datasets/whu_256x256.py',
    '../_base_/schedules/schedule_400.py',
    '../_base_/default_runtime.py',
]
