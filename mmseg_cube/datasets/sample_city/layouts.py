"""Writes the sample city in the layouts of WHU, WBD and Inria."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from .encode import LABEL_SUFFIX, SUFFIXES, geotiff_files, plain_pair
from .regions import REGIONS, TEST_REGIONS, TRAIN_REGIONS
from .scene import check_size
from .store import Store

COUNTS = {'train': 64, 'val': 16, 'test': 16}
WHU_GSD, WBD_GSD = 0.3, 0.12
# One seed gives other scenes in every layout.
WHU_KEY, WBD_KEY, INRIA_KEY = 1, 2, 3


def write_whu(
    root: str | Path,
    counts: Mapping[str, int] = COUNTS,
    size: int = 256,
    seed: int = 0,
    image_suffix: str = '.tif',
) -> Path:
    """Write scenes in the layout of the WHU Building Dataset.

    ``{train,val,test}/{image,label}/<number>.tif`` with a pixel size of
    0.3 m and 0 / 255 labels. What is there already is not drawn again.

    Args:
        root: Folder to fill.
        counts: Number of scenes per split.
        size: Side of a scene in pixels.
        seed: Non-negative seed.
        image_suffix: ``.tif``, ``.png`` or ``.jpg``; labels follow it, but
            those of jpg images are png.

    Returns:
        ``root``.

    Raises:
        ValueError: If an argument is out of its range, or ``root`` holds
            such files already and they are not the sample city's.
    """
    scene = {'gsd': WHU_GSD, 'style': 'suburb', 'size': size}
    return _write_splits(root, counts, image_suffix, seed, WHU_KEY, scene)


def write_wbd(
    root: str | Path,
    counts: Mapping[str, int] = COUNTS,
    size: int = 256,
    seed: int = 0,
    image_suffix: str = '.png',
) -> Path:
    """Write scenes in the layout of the Waterloo Building Dataset.

    Like :func:`write_whu`, with a pixel size of 0.12 m.
    """
    scene = {'gsd': WBD_GSD, 'style': 'waterloo', 'size': size}
    return _write_splits(root, counts, image_suffix, seed, WBD_KEY, scene)


def write_inria(
    root: str | Path,
    tiles_per_region: int = 7,
    size: int = 512,
    seed: int = 0,
    regions: Sequence[str] = TRAIN_REGIONS,
    test_tiles: int = 1,
) -> Path:
    """Write scenes in the layout of the Inria Aerial Image Labeling set.

    Uncompressed GeoTIFFs with a pixel size of 0.3 m in the UTM zone of
    their region, under ``AerialImageDataset``: ``train/images``,
    ``train/gt`` and ``test/images``, named ``<region><number>.tif``.

    Args:
        root: Folder that gets the folder ``AerialImageDataset``.
        tiles_per_region: Tiles with labels of each training region.
        size: Side of a tile in pixels.
        seed: Non-negative seed.
        regions: Training regions.
        test_tiles: Tiles without labels of each test region.

    Returns:
        ``root``.

    Raises:
        ImportError: If rasterio is missing.
        ValueError: If an argument is out of its range, or ``root`` holds
            such files already and they are not the sample city's.
    """
    check_size(size)
    _check_count('tiles_per_region', tiles_per_region)
    _check_count('test_tiles', test_tiles)
    _check_count('seed', seed)
    for name in regions:
        if name not in TRAIN_REGIONS:
            raise ValueError(
                f'regions must be among {", ".join(TRAIN_REGIONS)}; '
                f'got {name!r}'
            )
    parameters = {
        'layout': 'inria',
        'tiles_per_region': tiles_per_region,
        'size': size,
        'seed': seed,
        'regions': list(regions),
        'test_tiles': test_tiles,
    }
    store = Store(root, parameters)
    base = 'AerialImageDataset'
    for folder in ('train/images', 'train/gt', 'test/images'):
        store.folder(f'{base}/{folder}')
    train = ('train/images', 'train/gt'), tiles_per_region
    test = ('test/images',), test_tiles
    plan = [(name, *train) for name in regions]
    plan += [(name, *test) for name in TEST_REGIONS]
    for name, folders, count in plan:
        for number in range(1, count + 1):
            key = seed, INRIA_KEY, list(REGIONS).index(name), number
            store.add(
                [f'{base}/{folder}/{name}{number}.tif' for folder in folders],
                partial(geotiff_files, key, size, name, number),
            )
    store.fill()
    return store.root


def _write_splits(
    root: str | Path,
    counts: Mapping[str, int],
    suffix: str,
    seed: int,
    key: int,
    scene: dict,
) -> Path:
    """Write splits of image and label folders."""
    check_size(scene['size'])
    _check_count('seed', seed)
    if suffix not in SUFFIXES:
        raise ValueError(
            f'image_suffix must be one of {SUFFIXES}, got {suffix!r}'
        )
    for split, count in counts.items():
        if split not in COUNTS:
            raise ValueError(
                f'counts must be for {", ".join(COUNTS)}; got {split!r}'
            )
        _check_count(f'counts[{split!r}]', count)
    parameters = {
        'layout': key,
        'counts': dict(counts),
        'suffix': suffix,
        'seed': seed,
        **scene,
    }
    store = Store(root, parameters)
    for i, split in enumerate(COUNTS):
        store.folder(f'{split}/image')
        store.folder(f'{split}/label')
        for number in range(1, counts.get(split, 0) + 1):
            store.add(
                (
                    f'{split}/image/{number}{suffix}',
                    f'{split}/label/{number}{LABEL_SUFFIX[suffix]}',
                ),
                partial(plain_pair, (seed, key, i, number), suffix, scene),
            )
    store.fill()
    return store.root


def _check_count(name: str, value: int) -> None:
    if value < 0:
        raise ValueError(f'{name} must not be negative, got {value}')
