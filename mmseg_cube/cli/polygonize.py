"""Make polygons of buildings from probabilities or masks, for maps.

A raster is a probability of mmseg-cube predict, or any mask of 0 and 1 or
255. It is read in strips, so that it may be larger than the memory; the
polygons are those of the whole. Areas and lengths are those on the ground;
without a CRS they are in pixels. The suffix of the output is its format:
.gpkg, .fgb, .geojson, .geojsonl, .shp, .parquet or .pmtiles.
"""

import sys
from collections import Counter
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace

CACHE = 2**27  # bytes that GDAL keeps of rasters
NUMBERS = {
    'threshold': (0.5, 'probability that buildings are above'),
    'seed': (0.95, 'probability above which pixels start a building'),
    'min-area': (10.0, 'smallest building, m2'),
    'max-hole': (5.0, 'holes below this and --min-area are filled, m2'),
    'min-confidence': (0.0, 'least mean probability of a building'),
    'simplify': (0.6, 'size of details that outlines leave out, m'),
    'full': (None, 'value of probability 1 in a raster of whole numbers'),
}


def add_arguments(add: Arguments) -> None:
    what = 'files, addresses, folders that predict has filled, patterns, lists'
    add('rasters', what, nargs='+', metavar='RASTER')
    what = 'file for the polygons; a picture of them is put beside it'
    add('--out', what, type=Path, required=True, metavar='FILE')
    add('--mosaic', 'take adjacent rasters as one', default=False)
    what = 'how buildings that touch are taken apart'
    add('--split', what, choices=('none', 'watershed'), default='none')
    for name, (default, what) in NUMBERS.items():
        add(f'--{name}', what, type=float, default=default, metavar='X')
    what = 'give outlines right angles, by the library buildingregulariser'
    add('--regularise', what, default=False)
    what = 'draw buildings as rectangles, where these fit and meet no other'
    add('--rectangles', what, default=False)
    add('--crs', 'CRS of the polygons, such as EPSG:4326 (of the raster)')
    add('--id-prefix', 'what ids begin with', default='')
    what = 'day of the images, such as 2024-05-31 (what the rasters say)'
    add('--image-date', what, metavar='DAY')
    what = 'rows above which connected buildings are cut, to save memory'
    add('--max-rows', what, default=4096)


def run(args: Namespace) -> None:
    from dataclasses import fields

    import rasterio

    from mmseg_cube.datasets.vectors import find_crs
    from mmseg_cube.inference.footprints import write_footprints
    from mmseg_cube.inference.inputs import find_inputs
    from mmseg_cube.inference.outputs import write_style
    from mmseg_cube.inference.polygon_picture import OutlinePicture
    from mmseg_cube.inference.polygons import PolygonOptions
    from mmseg_cube.inference.probability import open_probabilities
    from mmseg_cube.utils.figures import is_figure
    from mmseg_cube.utils.words import quantity

    args.crs = find_crs(args.crs) if args.crs else None
    names = [field.name for field in fields(PolygonOptions)]
    options = PolygonOptions(**{name: getattr(args, name) for name in names})
    inputs = find_inputs(args.rasters, args.mosaic, '_probability')
    files = {Path(path).resolve() for same in inputs.values() for path in same}
    if args.out.resolve() in files:
        raise ValueError(f'{args.out} is a raster to read; name another file')
    picture = args.out.with_suffix('.png')
    # MASK.png to MASK.gpkg: it stays, as do other images of that name.
    taken = picture.exists() and not is_figure(picture)
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        rasters = [
            open_probabilities(name, paths, args.full)
            for name, paths in inputs.items()
        ]
        drawn = len(rasters) == 1 and not taken
        one = OutlinePicture(rasters[0]) if drawn else None
        count, area = write_footprints(args.out, rasters, options, one)
    known = rasters[0].ground.crs
    unit = 'm2' if known else 'px2'
    other = write_style(args.out, 'polygons')
    print(f'{args.out}: {quantity(count, "building")}, {area:,.0f} {unit}')
    if one:
        one.save(picture)
        print(f'{picture}: their outlines')
    notes = sum((raster.notes for raster in rasters), Counter())
    notes['no building was found'] = not count
    levels = {raster.about.get('threshold') for raster in rasters}
    for level in levels - {None, str(options.threshold)}:
        notes[f'masks of this probability have --threshold {level}'] = True
    notes[f'no picture of outlines: {picture} is another image'] = taken
    style = args.out.with_suffix('.qml')
    notes[f'QGIS will draw it by {style}, which was there already'] = other
    notes['without a CRS, metres are pixels here'] = not known
    for note, number in notes.items():
        if number:
            number = '' if number is True else f'{number} '
            print(f'Note: {number}{note}', file=sys.stderr)
