"""The files that are made of the strips of a raster, each whole or not at all.

Each is copied by GDAL from the strips, block by block, so that memory does
not grow with the raster.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from PIL import Image
from rasterio.features import shapes
from rasterio.shutil import copy
from rasterio.warp import transform_geom

from mmseg_cube.datasets.mask_folder import BUILDING_VALUE
from mmseg_cube.inference.scene import Scene, overview_shape
from mmseg_cube.inference.strips import NODATA, SURE, Strips, errors_of_disk
from mmseg_cube.inference.vrt import Band, Grid, write_vrt
from mmseg_cube.utils.whole_files import write_whole

# Of the values 0 to 255 of a mask: ground is left clear, so that the mask can
# lie upon its image.
PALETTE = [(0, 0, 0, 0), (230, 60, 40, 255), *[(0, 0, 0, 0)] * 254]
COG = dict(
    driver='COG', compress='DEFLATE', predictor='YES', bigtiff='IF_SAFER'
)
PROBABILITY, MASK = 1, 2  # the bands of a strip
# By the name of an output: what follows the name of the raster, the band of
# the strips, whether it has nodata, and how GDAL is to write it.
KINDS = {
    'probability': (
        '_probability.tif',
        Band(PROBABILITY, 'gray', scale=1 / SURE),
        NODATA,
        dict(COG, overview_resampling='AVERAGE'),
    ),
    'mask': (
        '_mask.tif',
        Band(MASK, 'palette', palette=PALETTE),
        NODATA,
        dict(COG, overview_resampling='NEAREST'),
    ),
    'png': (
        '.png',
        Band(MASK, 'gray', replace=f'0:0,1:{BUILDING_VALUE},{NODATA}:0'),
        None,
        dict(driver='PNG'),
    ),
    'inria': (
        '.tif',
        Band(MASK, 'gray'),
        None,
        dict(driver='GTiff', compress='CCITTFAX4', nbits=1),
    ),
}
SUFFIXES = {name: kind[0] for name, kind in KINDS.items()} | {
    'preview': '_preview.png',
    'coverage': '_coverage.geojson',
    'polygons': '.gpkg',
}
STYLES = Path(__file__).with_name('styles')
COVERAGE = 'no data', 'predicted', 'failed'


def write_outputs(
    names: Sequence[str],
    scene: Scene,
    strips: Strips,
    tags: Mapping[str, object],
    target: Path,
) -> dict[str, int]:
    """Write files of a raster whose strips are all there.

    Named by keys of ``SUFFIXES``, which follow on the target; tags are for
    georeferenced files. Returned are their names and sizes in bytes.
    """
    written = {}
    for name in names:
        part = strips.folder / f'part{SUFFIXES[name]}'
        path = target.with_name(target.name + SUFFIXES[name])
        with errors_of_disk(path):
            if name in KINDS:
                _copy(name, scene, strips, tags, part)
            elif name == 'preview':
                _write_preview(scene, strips, part)
            elif name == 'coverage':
                _write_coverage(scene, strips, part)
            else:
                _write_polygons(scene, strips, tags, target, part)
        part.replace(path)
        written[path.name] = path.stat().st_size
        write_style(path, name)
    return written


def write_style(path: Path, name: str) -> bool:
    """Say beside a file how QGIS is to draw it, unless somebody has.

    A GeoPackage has that inside, and vector tiles have styles of another
    kind. Returned is whether another style has the name.
    """
    source, target = STYLES / f'{name}.qml', path.with_suffix('.qml')
    if path.suffix.lower() in ('.gpkg', '.pmtiles') or not source.exists():
        return False
    if not target.exists():
        write_whole(target, partial(shutil.copyfile, source))
    return target.read_bytes() != source.read_bytes()


def _copy(
    name: str,
    scene: Scene,
    strips: Strips,
    tags: Mapping[str, object],
    path: Path,
) -> None:
    """Copy the strips to a file, and compare it with them."""
    _, band, nodata, options = KINDS[name]
    tags = tags if nodata else None
    # What a format cannot hold would go to another file.
    with (
        rasterio.Env(GDAL_PAM_ENABLED='NO'),
        _open_strips(scene, strips, band, nodata, tags) as source,
    ):
        copy(source, path, **options)
        with rasterio.open(path) as file:
            same = name == 'inria' or file.checksum(1) == source.checksum(1)
    if not same:
        raise OSError('it does not hold what was written')


def _open_strips(
    scene: Scene,
    strips: Strips,
    band: Band,
    nodata: int | None = NODATA,
    tags: Mapping[str, object] | None = None,
) -> rasterio.DatasetReader:
    """Open a band of all strips that are there, placed as the raster is."""
    grid = Grid('uint8', nodata, scene.crs, scene.transform)
    if strips.exact and band.number == PROBABILITY:
        grid = grid._replace(dtype='float32', nodata=np.nan)
        band = band._replace(scale=None)
    tiles, shape = strips.tiles(), scene.shape
    return rasterio.open(
        write_vrt(grid, tiles, [band], tags=tags, shape=shape)
    )


def _read_small(scene: Scene, strips: Strips) -> np.ndarray:
    """Read the mask in a few pixels."""
    with _open_strips(scene, strips, Band(MASK)) as file:
        return file.read(1, out_shape=overview_shape(scene.shape))


def _write_preview(scene: Scene, strips: Strips, path: Path) -> None:
    """Draw the buildings upon a small copy of the raster."""
    mask = _read_small(scene, strips)
    picture, built = scene.picture(mask.shape), mask == 1
    picture[built, :3] = (picture[built, :3] + np.array(PALETTE[1][:3])) / 2
    Image.fromarray(picture).save(path, 'PNG')


def _write_coverage(scene: Scene, strips: Strips, path: Path) -> None:
    """Outline, in degrees, what became of which part.

    What is predicted or has no data, and strips that are not there.
    """
    state = np.uint8(_read_small(scene, strips) != NODATA)
    scales = np.divide(scene.shape, state.shape)
    for number in strips.missing():
        top, end = np.rint(strips.rows[number] / scales[0]).astype(int)
        state[top:end] = COVERAGE.index('failed')
    place = scene.transform * Affine.scale(*scales[::-1])
    features = []
    for shape, value in shapes(state, transform=place):
        shape = transform_geom(scene.crs, 'EPSG:4326', shape, precision=7)
        if place.determinant > 0:  # outlines have to run anticlockwise
            rings = shape['coordinates']
            shape['coordinates'] = [ring[::-1] for ring in rings]
        about = dict(coverage=COVERAGE[int(value)])
        features.append(dict(type='Feature', properties=about, geometry=shape))
    layer = dict(type='FeatureCollection', features=features)
    path.write_text(json.dumps(layer))


def _write_polygons(
    scene: Scene,
    strips: Strips,
    tags: Mapping[str, object],
    target: Path,
    path: Path,
) -> None:
    """Outline buildings as ``polygonize --split watershed`` does."""
    # Only here, for they need the extra [cities].
    from mmseg_cube.inference.footprints import write_footprints
    from mmseg_cube.inference.polygons import PolygonOptions
    from mmseg_cube.inference.probability import as_probabilities
    from mmseg_cube.inference.vector_files import find_driver

    find_driver(target.with_name(target.name + SUFFIXES['polygons']))
    with _open_strips(scene, strips, Band(PROBABILITY)) as file:
        full = 1 if strips.exact else SURE
        raster = as_probabilities(file, target.name, full, tags)
        level = strips.threshold
        seed = max(level, PolygonOptions.seed)
        options = PolygonOptions(level, 'watershed', seed)
        write_footprints(path, [raster], options)
