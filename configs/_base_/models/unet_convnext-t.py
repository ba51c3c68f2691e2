_base_ = './convnext-t.py'
model = dict(
    decode_head=dict(type='UNetHead', in_channels=[96, 192, 384, 768])
)
