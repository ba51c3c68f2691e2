_base_ = [
    '../_base_/models/cube-unet-s5-d16_fcn.py',
    '../_base_/datasets/wbd_512x512.py',
    '../_base_/schedules/schedule_80k_scratch.py',
    '../_base_/default_runtime.py',
]
