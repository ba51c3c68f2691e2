_base_ = './resnet-50.py'
model = dict(
    decode_head=dict(type='UNetHead', in_channels=[256, 512, 1024, 2048])
)
