"""The tiles of the datasets that a config names."""

from pathlib import Path

from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_cube.datasets.building import BuildingDataset
from mmseg_cube.datasets.tiles import SPLITS, Tile
from mmseg_cube.utils.configs import read_config


def find_in_config(path: Path) -> tuple[list[Tile], BuildingDataset]:
    """Find the tiles of each dataloader, with their whole paths.

    Returned is a dataset as well; all have its channels and mask values.

    Raises:
        ValueError: If a dataset is of another kind, or reads otherwise.
        DatasetError: If files are missing or unmatched.
    """
    cfg, tiles, first = read_config(path), {}, None
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    for split in SPLITS:
        part = (cfg.get(f'{split}_dataloader') or {}).get('dataset')
        while part and 'dataset' in part:
            part = part.dataset  # in a wrapper
        if not part:
            continue
        options = dict(pipeline=[], lazy_init=True, test_mode=True)
        dataset = DATASETS.build(part | options)
        first = dataset if first is None else first
        if not isinstance(dataset, BuildingDataset) or (
            (dataset.declared, dataset.channels)
            != (first.declared, first.channels)
        ):
            raise ValueError(
                f'{path}: {split}_dataloader must have a BuildingDataset, '
                'with the bands, scale and mask values of the others'
            )
        for sample in dataset.load_data_list():
            files = sample['img_path'], sample.get('seg_map_path')
            image, mask = (file and Path(file).absolute() for file in files)
            # Several splits may have the same files, windows the same image.
            tiles.setdefault(image, Tile(split, image.stem, image, mask))
    if first is None:
        raise ValueError(f'{path} names no datasets, such as train_dataloader')
    return list(tiles.values()), first
