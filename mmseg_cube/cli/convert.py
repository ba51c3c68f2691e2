"""Convert the raw data of Inria, WHU or WBD to patches on disk.

inria  cuts the tiles of Inria Aerial Image Labeling into the windows that
       InriaDataset reads from the tiles, bit for bit. Scores under the two
       protocols differ by several points: always name it. Patches of "full"
       overlap at the end of each row, so score on the tiles.
whu    takes the aerial set or satellite set II of the WHU Building Dataset,
       with any of the folder names, file formats and mask encodings of its
       mirrors.
wbd    takes tiles of the Waterloo Building Dataset. Larger images, such as
       the orthophotos of 8350 x 8350 pixels, are cut into tiles; those of
       the last row and column are filled up with black.

Exits with 1 if some of the data could not be used; all of it is named.
"""

import sys
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace

KINDS = dict.fromkeys(('inria', 'whu', 'wbd'))
CONTINUES = True
PROTOCOLS = 'full', 'buildformer'


def add_arguments(add: Arguments, kind: str) -> None:
    add('source', 'folder that an archive unpacks to', type=Path)
    what = 'folder to fill; a run that was stopped continues there'
    add('--out', what, required=True)
    add.share('--workers', '--building-values', '--ignore-values')
    if kind != 'whu':
        add('--size', 'side of a patch in pixels', default=512)
    if kind == 'inria':
        what = (
            'full: every pixel; buildformer: padded tiles, patches with more '
            'than 5 %% building'
        )
        add('--protocol', what, default=PROTOCOLS[0], choices=PROTOCOLS)


def run(args: Namespace) -> int:
    from mmseg_cube.datasets import conversion
    from mmseg_cube.utils.words import listing

    options = vars(args)
    convert = getattr(conversion, f'convert_{options.pop("kind")}')
    result = convert(**options)
    for note in result.notes:
        print(f'Note: {note}', file=sys.stderr)
    print(f'{result} ({result.written} written now)', flush=True)
    if not result.faults:
        return 0
    count = len(result.faults)
    print(
        f'{count} fault(s):\n{listing(result.faults, count)}\nNext: mend '
        'these and run the same command again; it does only what is missing.',
        file=sys.stderr,
    )
    return 1
