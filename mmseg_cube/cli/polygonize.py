"""Make polygons of buildings from probabilities or masks, for maps.

A raster is a probability of mmseg-cube predict, or any mask of 0 and 1 or
255. It is read in strips, so that it may be larger than the memory; the
polygons are those of the whole. Areas and lengths are those on the ground,
of a raster without CRS in pixels. The suffix of the output is its format:
.gpkg, .fgb, .geojson, .geojsonl, .shp, .parquet or .pmtiles.
"""

import sys
from collections import Counter
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace

CACHE = 2**27  # bytes that GDAL keeps of rasters
NUMBERS = {
    'threshold': (0.5, 'probability that buildings are above'),
    'seed': (0.95, 'probability that each has to reach to be split off'),
    'min-area': (10.0, 'smallest building, m2'),
    'max-hole': (5.0, 'holes below this and --min-area are filled, m2'),
    'min-confidence': (0.0, 'least mean probability of a building'),
    'simplify': (0.6, 'size of details that outlines leave out, m'),
    'full': (None, 'value of probability 1 in a raster of whole numbers'),
}


def add_arguments(add: Arguments) -> None:
    add('rasters', 'files or addresses', nargs='+', metavar='RASTER')
    what = 'file for the polygons; a picture of them is put beside it'
    add('--out', what, type=Path, required=True, metavar='FILE')
    add('--mosaic', 'take adjacent rasters as one', default=False)
    what = 'how buildings that touch are taken apart'
    add('--split', what, choices=('none', 'watershed'), default='none')
    for name, (default, what) in NUMBERS.items():
        add(f'--{name}', what, type=float, default=default, metavar='X')
    add('--crs', 'CRS of the polygons, such as EPSG:4326 (of the raster)')
    add('--id-prefix', 'what ids begin with', default='')
    what = 'rows above which connected buildings are cut, to save memory'
    add('--max-rows', what, default=4096)


def run(args: Namespace) -> None:
    """Write the polygons and a picture of them; say what was found."""
    from dataclasses import fields

    import rasterio

    from mmseg_cube.datasets.errors import errors_of
    from mmseg_cube.datasets.vectors import find_crs
    from mmseg_cube.inference.polygon_picture import OutlinePicture
    from mmseg_cube.inference.polygons import PolygonOptions, polygons
    from mmseg_cube.inference.probability import (
        crs_of_all,
        open_probabilities,
    )
    from mmseg_cube.inference.vector_files import find_driver, vector_file
    from mmseg_cube.utils.words import quantity

    find_driver(args.out)
    args.crs = find_crs(args.crs) if args.crs else None
    names = [field.name for field in fields(PolygonOptions)]
    options = PolygonOptions(**{name: getattr(args, name) for name in names})
    if args.out.resolve() in [Path(x).resolve() for x in args.rasters]:
        raise ValueError(f'{args.out} is a raster to read; name another file')
    groups = [args.rasters] if args.mosaic else [[x] for x in args.rasters]
    notes, count, area = Counter(), 0, 0
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        rasters = [open_probabilities(x, args.full) for x in groups]
        crs = crs_of_all(rasters, args.crs)
        unit = 'm2' if crs else 'px2'
        with vector_file(args.out, crs) as add:
            for raster, (name, *_) in zip(rasters, groups, strict=True):
                picture = OutlinePicture(raster)
                with errors_of(name):
                    for batch in polygons(raster, options):
                        add(batch.polygons, batch.fields)
                        picture.add(batch.pixels)
                        count += len(batch.polygons)
                        area += batch.fields[f'area_{unit}'].sum()
                notes.update(raster.notes)
    print(f'{args.out}: {quantity(count, "building")}, {area:,.0f} {unit}')
    if len(rasters) == 1:
        picture.save(args.out.with_suffix('.png'))
        print(f'{args.out.with_suffix(".png")}: their outlines')
    notes['no building was found'] = not count
    notes['without a CRS, metres are pixels here'] = not crs
    for note, number in notes.items():
        if number:
            number = '' if number is True else f'{number} '
            print(f'Note: {number}{note}', file=sys.stderr)
