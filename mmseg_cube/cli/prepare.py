"""Make tiles of one ground resolution from images and masks or footprints.

IN is a folder of {train,val,test}/{image,label}, whose splits are kept; two
folders, or two files, of images and of masks; or GeoTIFFs, and folders of
them, and then a vector file of footprints. OUT becomes such a folder of PNG
tiles, with report.json and a contact sheet to look at.

Resolutions are true metres on the ground, also of Web Mercator and degrees.
Images shrink by the mean of what a pixel covers; a pixel of a mask is
building if buildings cover one half of it or more, and 128 if it does not
count. Tiles with data in less than a quarter of them are left out. Where
there are no splits, whole blocks of neighbouring tiles make them; without a
georeference, whole images.

Exits with 1 if training on the tiles would be wrong.
"""

import sys
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace, folder

CONTINUES = True


def add_arguments(add: Arguments) -> None:
    what = 'images, and then masks or footprints, as said above'
    add('sources', what, nargs='+', metavar='IN', type=Path)
    what = 'folder to fill; a run that was stopped continues there'
    add('out', what, metavar='OUT', type=folder)
    what = 'side of a tile in pixels; smaller images become one tile'
    add('--size', what, default=512)
    add('--resolution', 'metres of a pixel', type=float, default=0.3)
    what = 'metres of a pixel of images without a georeference'
    add('--ground', what, type=float)
    for split in ('val', 'test'):
        what = f'share of the tiles for {split}'
        add(f'--{split}', what, type=float, default=0.1)
    add('--layer', 'layer of the vector file, if several have polygons')
    add('--crs', 'CRS of a vector file that does not say it')
    add.share('--bands', '--scale', '--building-values', '--ignore-values')
    add.share('--seed', '--workers')


def run(args: Namespace) -> int:
    from mmseg_cube.datasets.conversion.check_report import describe
    from mmseg_cube.datasets.conversion.convert import IGNORES
    from mmseg_cube.datasets.preparation import Aim, prepare

    options = vars(args)
    places = [options.pop(name) for name in ('sources', 'out')]
    workers = options.pop('workers')
    check = prepare(*places, Aim(**options), workers)
    print(describe(check))
    if any('128' in split['values'] for split in check['splits'].values()):
        print(f'Note: {IGNORES}', file=sys.stderr)
    print(
        f'{places[1]}: {check["written"]} tiles written now, '
        f'{check["left_out"]} left out with too little data'
    )
    return 0 if check['fine'] else 1
