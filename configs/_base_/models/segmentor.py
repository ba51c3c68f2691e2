# What all segmentors share; each adds a backbone and the kind of its head.
# SyncBN runs as plain batch norm where there is one process.
norm_cfg = dict(type='SyncBN', requires_grad=True)
crop_size = (512, 512)
model = dict(
    type='EncoderDecoder',
    # Not by a name of its own: mmengine would give that to the wrapper of
    # --tta, in place of what a child of this config changes here.
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=crop_size,
        test_cfg=dict(size_divisor=32),
    ),
    decode_head=dict(
        num_classes=2,
        out_channels=2,
        dropout_ratio=0.1,
        norm_cfg=norm_cfg,
        align_corners=False,
        # Roofs are a small share of the pixels: cross entropy alone spends
        # its first hundreds of iterations on background only.
        loss_decode=[
            dict(type='BuildingCrossEntropyLoss'),
            dict(type='BuildingDiceLoss'),
        ],
    ),
    train_cfg=dict(),
    # A 512 x 512 tile is one window; larger tiles are covered with overlap.
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=(341, 341)),
)
