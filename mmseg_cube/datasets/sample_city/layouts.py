"""Writes the sample city in the layouts of WHU, WBD and Inria."""

import json
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import rasterio

from mmseg_cube.datasets.sample_city.scene import draw_scene
from mmseg_cube.utils.quiet import quiet_libraries
from mmseg_cube.utils.whole_files import write_text_whole, write_whole

MARKER = '.sample_city.json'
COUNTS = {'train': 64, 'val': 16, 'test': 16}
# UTM zones of the regions.
TRAIN_REGIONS = {'austin': 32614, 'chicago': 32616, 'kitsap': 32610,
                 'tyrol-w': 32632, 'vienna': 32633}  # fmt: skip
TEST_REGIONS = {'bellingham': 32610, 'bloomington': 32616, 'innsbruck': 32632,
                'sfo': 32610, 'tyrol-e': 32633}  # fmt: skip
REGIONS = TRAIN_REGIONS | TEST_REGIONS
# Upper left corner of the first tile of each region in metres.
WEST, NORTH = 500_000, 5_000_000


def write_whu(
    root: str | Path,
    counts: Mapping[str, int] = COUNTS,
    size: int = 256,
    seed: int = 0,
    gsd: float = 0.3,
    suffix: str = '.tif',
) -> Path:
    """Write scenes in the layout of the WHU Building Dataset.

    ``{train,val,test}/{image,label}/<number>.tif`` with a pixel size of
    0.3 m and 0 / 255 labels; ``counts`` scenes per split, ``size`` pixels
    square (64 to 5000). What is there already is not drawn again.

    Raises:
        ValueError: If an argument is out of its range, or ``root`` holds
            anything but the same scenes.
    """
    if not set(counts) <= set(COUNTS):
        raise ValueError(f'splits are {list(COUNTS)}, got {list(counts)}')
    groups = {
        split: (count, (f'{split}/image/', f'{split}/label/'))
        for split, count in counts.items()
    }
    return _fill(Path(root), groups, size, seed, gsd, suffix)


# The layout of the Waterloo Building Dataset: png, with pixels of 0.12 m.
write_wbd = partial(write_whu, gsd=0.12, suffix='.png')


def write_inria(
    root: str | Path,
    tiles_per_region: int = 7,
    size: int = 512,
    seed: int = 0,
    regions: Collection[str] = tuple(TRAIN_REGIONS),
    test_tiles: int = 1,
) -> Path:
    """Write scenes in the layout of the Inria Aerial Image Labeling set.

    GeoTIFFs with a pixel size of 0.3 m in the UTM zone of their region,
    ``AerialImageDataset/{train/images,train/gt,test/images}/<name>.tif``.

    ``tiles_per_region`` have labels, ``test_tiles`` of each test region have
    none. Sizes and errors are those of :func:`write_whu`.
    """
    if not set(regions) <= set(TRAIN_REGIONS):
        raise ValueError(f'regions are {list(TRAIN_REGIONS)}, got {regions}')
    base, groups = 'AerialImageDataset', {}
    for name in regions:
        starts = (f'{base}/train/{kind}/{name}' for kind in ('images', 'gt'))
        groups[name] = tiles_per_region, tuple(starts)
    for name in TEST_REGIONS:
        groups[name] = test_tiles, (f'{base}/test/images/{name}',)
    return _fill(Path(root), groups, size, seed, 0.3, '.tif')


def _fill(
    root: Path, groups: dict, size: int, seed: int, gsd: float, suffix: str
) -> Path:
    """Draw what is missing; a group is a number of scenes, and their paths."""
    if not 64 <= size <= 5000:
        raise ValueError(f'size must be 64 to 5000, got {size}')
    for value in (seed, *(count for count, _ in groups.values())):
        if value < 0:
            raise ValueError(f'seed and counts must be 0 or more, not {value}')
    # The marker names what all files were drawn from.
    marker = root / MARKER
    text = json.dumps([groups, size, seed, suffix])
    same = marker.exists() and marker.read_text() == text
    if not same and root.exists() and any(root.iterdir()):
        raise ValueError(f'{root} has other data: choose an empty folder')
    root.mkdir(parents=True, exist_ok=True)
    write_text_whole(marker, text)
    with quiet_libraries():
        for name, (count, starts) in groups.items():
            for number in range(1, count + 1):
                paths = [root / f'{start}{number}{suffix}' for start in starts]
                if all(path.exists() for path in paths):
                    continue
                key = seed, round(100 * gsd), number, *name.encode()
                place = {}
                if name in REGIONS:
                    west = WEST + (number - 1) * size * gsd
                    place['crs'] = f'EPSG:{REGIONS[name]}'
                    place['transform'] = gsd, 0, west, 0, -gsd, NORTH
                rasters = draw_scene(key, size, gsd)
                for path, raster in zip(paths, rasters, strict=False):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_whole(path, partial(write_raster, raster, place))
    return root


def write_raster(raster: np.ndarray, place: dict, path: Path) -> None:
    """Write pixels (H, W) or (H, W, 3), with ``crs`` and ``transform``."""
    bands = np.atleast_3d(raster).transpose(2, 0, 1)
    sides = zip(('count', 'height', 'width'), bands.shape, strict=True)
    driver = 'PNG' if '.png' in path.name else 'GTiff'
    options = dict(driver=driver, dtype='uint8', **dict(sides), **place)
    with rasterio.open(path, 'w', **options) as file:
        file.write(bands)
