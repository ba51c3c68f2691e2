"""Predict a folder of images: 0 / 255 PNG masks of the same stems.

Images are 8-bit RGB of any size. Large ones are covered with overlapping
windows, which are blended. (mmseg-cube test takes windows of equal weight;
the --tta of both averages the same three views.) A run that was stopped
continues; the folder notes in manifest.json how its masks were made, and
takes none that are made otherwise. Masks whose image has changed are made
again. A file that cannot be used does not stop the others: all such files are
named at the end, and the exit code is 2.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_cube.cli.arguments import Arguments, Namespace, positive

if TYPE_CHECKING:
    from mmseg_cube.inference.prediction import Prediction

CONTINUES = True


def add_arguments(add: Arguments) -> None:
    add.share('config', 'checkpoint')
    add('images', 'folder of the images', type=Path)
    add('--out', 'folder for the masks', required=True)
    add_settings(add)


def add_settings(add: Arguments) -> None:
    """Add the options that say how to predict."""
    add('--size', 'side of the windows (crop size of the config, or 512)')
    what = 'distance of neighbouring windows (half of the size)'
    add('--stride', what, type=positive)
    add(
        '--batch', 'windows that pass through the network at a time', default=4
    )
    what = 'automatic mixed precision: float16 on CUDA, bfloat16 on CPUs'
    add('--amp', what, default=False)
    what = (
        'probability above which a pixel is a building, or the curve.json '
        'of the val set, whose best one is taken'
    )
    add('--threshold', what, type=_number_or_path, default=0.5)
    add.share('--tta', '--device', '--cfg-options', '--trust-checkpoint')


def prediction(args: Namespace) -> 'Prediction':
    """Gather what the options say."""
    from dataclasses import fields

    from mmseg_cube.inference.prediction import Prediction

    names = [field.name for field in fields(Prediction)]
    return Prediction(**{name: getattr(args, name) for name in names})


def run(args: Namespace) -> None:
    from mmseg_cube.datasets.mask_folder import MaskFolder
    from mmseg_cube.inference.prediction import list_images

    if args.images.resolve() == args.out.resolve():
        raise ValueError(
            f'{args.out} holds the images; name another folder for the masks'
        )
    images = list_images(args.images)
    prediction(args).run(images, partial(MaskFolder, args.out))


def _number_or_path(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
