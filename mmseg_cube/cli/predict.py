"""Predict rasters of any size: probabilities and masks on a map, or PNG masks.

    mmseg-cube predict [CONFIG CHECKPOINT] INPUT... --out DIR

An input is a file of any format that GDAL reads, a folder of files, a pattern
of names, a .txt file with one input a line, or an address (https://, s3://,
/vsi...). NAME.tif gives NAME_probability.tif (0 to 254, 255 where there is no
data) and NAME_mask.tif (0, 1, 255), both cloud-optimised and placed as the
raster is, NAME_preview.png, NAME_coverage.geojson (where it was predicted,
has no data, or failed) and NAME.json; an image that does not say where it
lies gives NAME.png of 0 and 255, like masks of datasets. --write chooses.

Large rasters are covered with overlapping windows, which are blended. Windows
without data are not computed. A run that was stopped continues, also inside a
raster; DIR/manifest.json says how all of it was made, and a run with other
settings is refused. Rasters that have changed are predicted again. One that
cannot be used does not stop the others: all such are named at the end, and
the exit code is 2. Several processes share the work: under torchrun, or each
with a --shard.
"""

from pathlib import Path

from mmseg_cube.cli.arguments import (
    Arguments,
    ArgumentTypeError,
    Namespace,
    numbers,
    positive,
    word_or,
)

CONTINUES = True
WRITES = 'probability', 'mask', 'preview', 'coverage', 'png', 'polygons'


def add_arguments(add: Arguments) -> None:
    what = 'rasters, folders, patterns or lists; CONFIG CHECKPOINT before them'
    add('inputs', what, nargs='+', metavar='INPUT')
    add('--out', 'folder for what is made', required=True)
    what = 'the inputs are adjacent parts of one raster, called mosaic'
    add('--mosaic', what, default=False)
    what = f'what to make, of {", ".join(WRITES)} (the first four; png of '
    what += 'images that do not say where they lie)'
    add('--write', what, choices=WRITES, default=[], metavar='KIND')
    what = 'bands that the network sees, from 1 (of the config, or RGB)'
    add('--bands', what)
    what = 'values that become 0 and 255, or percentile: all but 2 %% at '
    what += 'either end, of the whole raster (of the config, or 8 bits as are)'
    add('--scale', what, type=word_or('percentile', numbers))
    what = 'metres on the ground of the pixels that the network sees, and of '
    what += 'what is written (as the raster has them)'
    add('--resolution', what, type=float, metavar='METRES')
    what = 'value of pixels without data (what the raster declares)'
    add('--nodata', what, type=float, metavar='V')
    what = 'vector file: only what its polygons cover is predicted'
    add('--aoi', what, metavar='FILE')
    what = 'probabilities of full precision, float32 (0 to 254)'
    add('--float', what, default=False)
    what = 'rows of a strip, the least that is kept of a run (8 windows)'
    add('--strip', what, type=positive, metavar='ROWS')
    what = 'part of the work, such as 2/8, if others do the rest'
    add('--shard', what, type=_shard, metavar='I/N')
    add_settings(add)


def add_settings(add: Arguments) -> None:
    """Add the options that say how to predict."""
    add('--size', 'side of the windows (crop size of the config, or 512)')
    what = 'distance of neighbouring windows (half of the size)'
    add('--stride', what, type=positive)
    what = 'windows that pass through the network at a time; auto: doubled '
    what += 'until none gets faster'
    add('--batch', what, type=word_or('auto', positive), default=4)
    what = 'most that --batch auto may make the process take, of the GPU if '
    what += 'the network is there'
    add('--memory', what, type=float, metavar='GIB')
    what = 'automatic mixed precision: float16 on CUDA, bfloat16 on CPUs'
    add('--amp', what, default=False)
    what = (
        'probability above which a pixel is a building, or the curve.json '
        'of the val set, whose best one is taken (0.5, or the threshold '
        'of a head of one logit)'
    )
    add('--threshold', what, type=_number_or_path)
    add.share('--tta', '--device', '--threads')
    add.share('--cfg-options', '--trust-checkpoint')


def run(args: Namespace) -> None:
    from mmseg_cube.inference.inputs import find_inputs
    from mmseg_cube.inference.prediction import predict_inputs
    from mmseg_cube.utils.default_network import choose_network

    if 'polygons' in args.write:
        import mmseg_cube.datasets.vectors  # noqa: F401, says what is missing

    words, network = args.inputs, (None, None)
    if words[0].endswith('.py') or '::' in words[0]:
        network, words = (*words[:2], None)[:2], words[2:]
    args.config, args.checkpoint = choose_network(*network)
    inputs = find_inputs(words, args.mosaic)
    folders = {Path(x).parent.resolve() for x in sum(inputs.values(), [])}
    if args.out.resolve() in folders:
        raise ValueError(
            f'{args.out} holds the images; name another folder for what is '
            'made of them'
        )
    predict_inputs(inputs, args.out, vars(args))


def _number_or_path(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition('/')
    if number.isdecimal() and count.isdecimal():
        number, count = int(number), int(count)
        if 1 <= number <= count:
            return number - 1, count
    raise ArgumentTypeError(
        f'must be a number and a total, such as 2/8, but got {text!r}'
    )
