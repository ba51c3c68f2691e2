_base_ = [
    '../_base_/models/cube-unet_mit-b2.py',
    '../_base_/datasets/wbd_512x512.py',
    '../_base_/schedules/schedule_80k.py',
    '../_base_/default_runtime.py',
]
