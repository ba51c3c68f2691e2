_base_ = './convnext-b.py'
model = dict(
    decode_head=dict(type='UNetHead', in_channels=[128, 256, 512, 1024])
)
