_base_ = [
    '../_base_/models/cube-unet_efficientnet-lite0.py',
    '../_base_/datasets/whu_512x512.py',
    '../_base_/schedules/schedule_80k.py',
    '../_base_/default_runtime.py',
]
