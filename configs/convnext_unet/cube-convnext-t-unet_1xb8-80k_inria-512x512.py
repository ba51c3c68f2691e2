_base_ = [
    './convnext-t-unet_1xb8-80k_inria-512x512.py',
    '../_base_/channel_routers.py',
]
cube = dict(type='CubeConv2d', router=dict(method='sinkhorn'), mask=dict())
model = dict(decode_head=dict(conv_cfg=[cube, cube, cube, cube, None]))
