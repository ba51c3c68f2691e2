_base_ = [
    '../_base_/models/convnext-t_unet.py',
    '../_base_/datasets/inria-loro-austin_512x512.py',
    '../_base_/schedules/schedule_80k.py',
    '../_base_/default_runtime.py',
]
