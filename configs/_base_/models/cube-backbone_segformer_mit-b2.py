# SegFormer's head has 1 x 1 convolutions only; the encoder's patch embeddings
# are what Cube convolutions can stand in for.
_base_ = './segformer_mit-b2.py'
model = dict(
    backbone=dict(
        _delete_=True, type='CubeBackbone', backbone=_base_.model.backbone
    ),
)
