"""What a file has to say about the network in it."""

import json
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.deploy.segmentor import ExportableSegmentor
from mmseg_cube.version import __version__


def describe(segmentor: ExportableSegmentor, cfg: Config) -> dict[str, str]:
    """Describe an exported network to those who run it.

    Args:
        segmentor: Network with a ``dataset_meta``.
        cfg: Config that it was built from.

    Returns:
        Names and values: texts, or JSON for lists and mappings. ``window``
        is the crop and the stride that the network was to be tested with.
    """
    model = segmentor.model
    meta, test_cfg = model.dataset_meta, model.test_cfg or {}
    described = dict(
        producer=f'mmseg_cube {__version__}',
        config=Path(cfg.filename).name,
        input='images: RGB, (N, 3, H, W), float32, 0 to 255',
        output='logits: (N, classes, H, W); softmax over axis 1',
        normalisation=dict(
            done_by_network=True,
            channels='RGB' if segmentor.is_rgb else 'BGR',
            mean=segmentor.mean.flatten().tolist(),
            std=segmentor.std.flatten().tolist(),
        ),
        padding=dict(
            done_by_network=True,
            size_divisor=segmentor.divisor,
            value=segmentor.pad_val,
        ),
        classes=list(meta.get('classes') or ()),
        palette=[list(color) for color in meta.get('palette') or ()],
    )
    if test_cfg.get('mode') == 'slide':
        described['window'] = dict(
            crop_size=list(test_cfg['crop_size']),
            stride=list(test_cfg['stride']),
        )
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in described.items()
    }
