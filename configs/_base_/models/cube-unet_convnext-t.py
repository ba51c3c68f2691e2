_base_ = ['./unet_convnext-t.py', './cube.py']
# A lattice kernel of 4 everywhere would save too little of this network.
model = dict(
    decode_head=dict(
        conv_cfg=[dict(type='CubeConv2d')] * 3 + [_base_.cube, None],
    ),
)
