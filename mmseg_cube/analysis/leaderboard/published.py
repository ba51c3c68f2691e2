"""Published scores of the building class, to be quoted beside own ones."""

from typing import NamedTuple


class Published(NamedTuple):
    """A row as it is printed.

    Attributes:
        model: Name of the network.
        protocol: Data and protocol, as far as they are told.
        source: Where it is printed.
        scores: Percent by name of the score.
        parameters: Number of parameters.
        flops: Operations at 512 x 512, counted in the way of the source.
    """

    model: str
    protocol: str
    source: str
    scores: dict[str, float]
    parameters: float | None = None
    flops: float | None = None


def _row(
    model: str,
    protocol: str,
    source: str,
    iou: float,
    f1: float | None = None,
    precision: float | None = None,
    recall: float | None = None,
    parameters: float | None = None,
    flops: float | None = None,
) -> Published:
    """Take parameters in millions and operations in units of 10^9."""
    scores = dict(IoU=iou, F1=f1, Precision=precision, Recall=recall)
    return Published(
        model,
        protocol,
        source,
        {key: value for key, value in scores.items() if value is not None},
        parameters and 1e6 * parameters,
        flops and 1e9 * flops,
    )


CUBE = 'Cube Kernel, ICLR 2026 submission 4549 (OpenReview QtlEWXJq2K)'
UAGLNET, SDSC = 'the paper of UAGLNet', 'the paper of SDSC-UNet'
BUILDFORMER, UNIBUILD = 'the paper of BuildFormer', 'the paper of UniBuild'
ICTNET = 'the paper of ICT-Net'
RANDOM = 'Inria, random 8:1:1 of whole tiles'
MASSACHUSETTS = 'Massachusetts'

PUBLISHED = (
    _row('ConvNeXt-U-Cube', 'Inria, protocol not stated', CUBE, 82.63, 90.42),
    _row('UAGLNet', 'Inria, buildformer', UAGLNET, 83.74, 91.15, 92.09, 90.22),
    _row('UAGLNet', 'WHU test', UAGLNET, 92.07, 95.87, 96.21, 95.54),
    _row('UAGLNet', MASSACHUSETTS, UAGLNET, 76.97, 86.99, 88.28, 85.73),
    _row(
        'SDSC-UNet, pretrained on Inria',
        'WHU test',
        SDSC,
        92.13,
        95.90,
        96.23,
        95.58,
    ),
    _row('BuildFormer', MASSACHUSETTS, BUILDFORMER, 75.74, parameters=40.52),
    _row(
        'UniBuild',
        RANDOM,
        UNIBUILD,
        83.29,
        90.88,
        parameters=97.68,
        flops=160.6,
    ),
    _row(
        'BuildFormer (Swin-T)',
        RANDOM,
        UNIBUILD,
        77.59,
        87.38,
        parameters=32.90,
        flops=81.7,
    ),
    _row(
        'SegFormer-B2',
        RANDOM,
        UNIBUILD,
        77.52,
        87.34,
        parameters=27.35,
        flops=56.6,
    ),
    _row(
        'DeepLabV3+ R50',
        RANDOM,
        UNIBUILD,
        75.92,
        86.31,
        parameters=26.68,
        flops=36.6,
    ),
    _row(
        'U-Net R34',
        RANDOM,
        UNIBUILD,
        75.31,
        85.92,
        parameters=24.44,
        flops=31.3,
    ),
    _row('ICT-Net', 'Inria, official test', ICTNET, 80.32),
    _row('UniBuild, zero-shot', 'WBD val', UNIBUILD, 89.28, 94.34),
)
