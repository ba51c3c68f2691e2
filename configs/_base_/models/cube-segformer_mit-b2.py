_base_ = ['./cube-backbone_segformer_mit-b2.py', './cube.py']
model = dict(
    backbone=dict(
        replace=dict(lattice_kernel_size=_base_.cube.lattice_kernel_size),
    ),
)
