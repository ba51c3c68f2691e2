"""The tiles of the datasets that a config names."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_cube.datasets.building import BuildingDataset
from mmseg_cube.datasets.tiles import SPLITS, Tile
from mmseg_cube.utils.configs import read_config


def find_in_config(path: Path) -> tuple[list[Tile], BuildingDataset]:
    """Find the tiles of each dataloader, with their whole paths.

    Returned is a dataset as well; all have its channels and mask values. A
    ValueError says that one is of another kind, or reads otherwise, a
    DatasetError that files are missing or unmatched.
    """
    cfg, tiles, how = read_config(path), {}, set()
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    options = dict(pipeline=[], lazy_init=True, test_mode=True, verify=False)
    for split in SPLITS:
        loader = cfg.get(f'{split}_dataloader')
        for part in datasets_in(loader) if loader else ():
            try:
                dataset = DATASETS.build(part | options)
                how.add(repr((dataset.declared, dataset.channels)))
            except Exception as error:  # building raises all kinds
                raise ValueError(
                    f'{path}: {split}_dataloader has no BuildingDataset that '
                    f'can be built: {error}'
                ) from error
            for sample in dataset.load_data_list():
                image = Path(sample['img_path']).absolute()
                mask = sample.get('seg_map_path')
                mask = mask and Path(mask).absolute()
                # Val and test may share files, and windows their image.
                key = image, split == SPLITS[0]
                tiles.setdefault(key, Tile(split, image.stem, image, mask))
    if len(how) != 1:
        raise ValueError(
            f'{path} must have dataloaders of one or several datasets, all '
            'of the same bands, scale and mask values'
        )
    return list(tiles.values()), dataset


def datasets_in(part: Mapping) -> Iterator[Mapping]:
    """Find the datasets in a dataloader, and in wrappers of datasets."""
    inside = [*part.get('datasets', ()), part.get('dataset')]
    if not any(inside):
        yield part
    for each in filter(None, inside):
        yield from datasets_in(each)
