_base_ = [
    '../_base_/models/swin-t_unet.py',
    '../_base_/datasets/wbd_512x512.py',
    '../_base_/schedules/schedule_40k.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=2)
