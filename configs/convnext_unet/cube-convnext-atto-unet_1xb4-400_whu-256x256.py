_base_ = './convnext-atto-unet_1xb4-400_whu-256x256.py'
cube = dict(type='CubeConv2d', router=dict(method='sinkhorn'), mask=dict())
model = dict(decode_head=dict(conv_cfg=cube))
