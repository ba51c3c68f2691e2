"""Make tiles of one ground resolution from images and masks.

IN is a folder of {train,val,test}/{image,label}, whose splits are kept; or
two files or folders, of images and of masks. OUT becomes such a folder of
tiles, with report.json and contact_sheet.png to look at.

Resolutions are true metres on the ground, also for Web Mercator and degrees.
Images shrink by the mean of what a pixel covers; a pixel of a mask is
building if buildings cover one half of it or more, and 128 if it does not
count.

Exits with 1 if training on the tiles would be wrong.
"""

import sys
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace, folder

CONTINUES = True


def add_arguments(add: Arguments) -> None:
    add('sources', 'what there is', nargs='+', metavar='IN', type=Path)
    what = 'folder to fill; a run that was stopped continues there'
    add('out', what, metavar='OUT', type=folder)
    what = 'side of a tile in pixels; smaller images stay as they are'
    add('--size', what, default=512)
    add('--resolution', 'metres of a pixel', type=float, default=0.3)
    what = 'those of a pixel in images without a georeference'
    add('--ground', what, type=float)
    what = 'share of a tile that must have data, or it is left out'
    add('--least', what, type=float, default=0.25)
    what = 'of images; masks are PNG'
    add('--format', what, default='png', choices=('png', 'jpg'))
    add.share('--workers', '--building-values', '--ignore-values')


def run(args: Namespace) -> int:
    from mmseg_cube.datasets.conversion.check_report import describe
    from mmseg_cube.datasets.conversion.convert import IGNORES
    from mmseg_cube.datasets.preparation import Aim, prepare

    names = 'size', 'resolution', 'ground', 'least', 'format'
    aim = Aim(**{name: getattr(args, name) for name in names})
    declared = args.building_values, args.ignore_values
    check = prepare(args.sources, args.out, aim, args.workers, *declared)
    print(describe(check))
    if any('128' in split['values'] for split in check['splits'].values()):
        print(f'Note: {IGNORES}', file=sys.stderr)
    print(
        f'{args.out}: {check["written"]} tiles written now, '
        f'{check["left_out"]} left out for want of data'
    )
    return 0 if check['fine'] else 1
