_base_ = './hrnet-w18.py'
model = dict(decode_head=dict(type='UNetHead', in_channels=[18, 36, 72, 144]))
