_base_ = './mit-b2.py'
model = dict(
    decode_head=dict(type='UNetHead', in_channels=[64, 128, 320, 512])
)
