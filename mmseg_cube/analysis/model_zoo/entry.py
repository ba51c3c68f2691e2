"""What metafile.yml says about a config."""

import re
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.analysis.complexity.count import Complexity

NAME = re.compile(
    r'.+_(?P<gpus>\d+)xb(?P<images>\d+)-[^_]+'
    r'_(?P<data>[^_]+)-(?P<height>\d+)x(?P<width>\d+)'
)
DATASETS = dict(
    inria='InriaDataset', whu='WHUBuildingDataset', wbd='WBDDataset'
)
DATA_TITLES = {
    'inria': 'Inria',
    'inria-buildformer': 'Inria (protocol buildformer)',
    'inria-trainval': 'Inria (train + val)',
    'inria-leave-region-out': 'Inria (all regions but one)',
    'whu': 'WHU',
    'whu-half': 'WHU (half resolution)',
    'wbd': 'WBD',
    'sample-city': 'Sample city (made-up scenes)',
}
# What tells backbones of one type apart, where it is a word or a number.
VARIANTS = ('arch', 'depth', 'model_name')


class ConfigName:
    """What the name of a config says, by the rule of mmseg.

    Args:
        path: Config, ``NETWORK_GPUSxbIMAGES-SCHEDULE_DATA-HEIGHTxWIDTH.py``.

    Attributes:
        batch_size: Images of all GPUs in one step.
        images: Images of one GPU.
        data: Word for the data it trains on.
        crop: Height and width of the images, in pixels.

    Raises:
        ValueError: If the name does not keep to the rule.
    """

    def __init__(self, path: Path) -> None:
        match = NAME.fullmatch(path.stem)
        if match is None:
            raise ValueError(
                f'{path}: its name must end in GPUs x images, schedule, data '
                'and size, such as ..._1xb8-80k_whu-512x512.py'
            )
        self.images = int(match['images'])
        self.batch_size = int(match['gpus']) * self.images
        self.data = match['data']
        self.crop = int(match['height']), int(match['width'])


def check_name(path: Path, name: ConfigName, cfg: Config) -> None:
    """Compare a name with what is in the config.

    Raises:
        ValueError: If they differ, or the config does not train.
    """
    if 'train_dataloader' not in cfg:
        raise ValueError(f'{path} has no train_dataloader')
    loader = cfg.train_dataloader
    size = cfg.model.get('data_preprocessor', {}).get('size') or name.crop
    for what, said, found in (
        ('train_dataloader.batch_size', name.images, loader.batch_size),
        ('model.data_preprocessor.size', name.crop, tuple(size)),
        (
            'train_dataloader.dataset.type',
            DATASETS.get(name.data.split('-')[0], loader.dataset.type),
            loader.dataset.type,
        ),
    ):
        if said != found:
            raise ValueError(
                f'{path}: by its name {what} is {said}, but it is {found}'
            )


def make_metadata(name: ConfigName, cfg: Config, size: Complexity) -> dict:
    """Describe training data, batch and network.

    Args:
        name: Name of the config.
        cfg: The config.
        size: Size of its network, for one crop.
    """
    title = name.data.replace('-', ' ').capitalize()
    return {
        'Training Data': DATA_TITLES.get(name.data, title),
        'Batch Size': name.batch_size,
        'Architecture': list(dict.fromkeys(_architecture(cfg.model))),
        'Parameters': size.parameters,
        'FLOPs': size.flops,
        'Image Size': ' x '.join(map(str, name.crop)),
    }


def _architecture(model: dict) -> Iterator[str]:
    backbone, heads = model['backbone'], model['decode_head']
    wrapped = backbone.get('backbone', backbone)
    variants = [wrapped.get(key) for key in VARIANTS]
    variants = [str(v) for v in variants if isinstance(v, str | int)]
    yield '-'.join([_class_name(wrapped), *variants[:1]])
    for head in heads if isinstance(heads, list) else [heads]:
        yield _class_name(head)
    types = set(_types(model))
    if 'CubeConv2d' in types or backbone.get('replace') is not None:
        yield 'CubeConv2d'
    if 'CubeKernelBlock' in types or backbone.get('insert') is not None:
        yield 'CubeKernelBlock'


def _class_name(cfg: dict) -> str:
    return cfg['type'].rpartition('.')[2]


def _types(cfg: object) -> Iterator[str]:
    """All types in a part of a config."""
    if isinstance(cfg, dict):
        if isinstance(cfg.get('type'), str):
            yield _class_name(cfg)
        cfg = list(cfg.values())
    if isinstance(cfg, list | tuple):
        for part in cfg:
            yield from _types(part)
