_base_ = [
    './convnext-atto-unet_1xb8-600_sample-city-128x128.py',
    '../_base_/channel_routers.py',
]
cube = dict(type='CubeConv2d', router=dict(method='sinkhorn'), mask=dict())
model = dict(decode_head=dict(conv_cfg=cube))
