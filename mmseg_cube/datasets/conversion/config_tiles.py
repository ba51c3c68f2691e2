"""The tiles of the datasets that a config names."""

from collections.abc import Iterator
from pathlib import Path

from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_cube.datasets.building import BuildingDataset
from mmseg_cube.datasets.tiles import SPLITS, Tile
from mmseg_cube.utils.configs import read_config

INNER = {'dataset', 'datasets'}  # what wrappers have


def find_in_config(path: Path) -> tuple[list[Tile], BuildingDataset]:
    """Find the tiles of each dataloader, with their whole paths.

    Returned is a dataset as well; all have its channels and mask values.

    Raises:
        ValueError: If a dataset is of another kind, or reads otherwise.
        DatasetError: If files are missing or unmatched.
    """
    cfg, tiles, how = read_config(path), {}, []
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    for split in SPLITS:
        for part in _inner(cfg.get(f'{split}_dataloader') or {}):
            options = dict(pipeline=[], lazy_init=True, test_mode=True)
            try:
                dataset = DATASETS.build(part | options)
                how.append((dataset.declared, dataset.channels))
            except Exception as error:  # building raises all kinds
                raise ValueError(
                    f'{path}: {split}_dataloader has no BuildingDataset that '
                    f'can be built: {error}'
                ) from error
            for sample in dataset.load_data_list():
                files = sample['img_path'], sample.get('seg_map_path')
                image, mask = (
                    file and Path(file).absolute() for file in files
                )
                # Splits may share files, and windows their image.
                tiles.setdefault(image, Tile(split, image.stem, image, mask))
    if not tiles or how.count(how[0]) < len(how):
        raise ValueError(
            f'{path} must have dataloaders of one or several datasets, all '
            'of the same bands, scale and mask values'
        )
    return list(tiles.values()), dataset


def _inner(part: dict) -> Iterator[dict]:
    """Find the datasets in a dataloader, and in wrappers of datasets."""
    for each in [*part.get('datasets', ()), part.get('dataset')]:
        if each:
            yield from _inner(each) if INNER & set(each) else [each]
