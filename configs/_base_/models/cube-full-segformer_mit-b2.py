_base_ = ['./cube-backbone_segformer_mit-b2.py', './cube-full.py']
model = dict(
    backbone=dict(
        replace=dict(router=_base_.cube.router, mask=_base_.cube.mask),
    ),
)
