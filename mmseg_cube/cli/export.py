"""Export a trained segmentor to a file that runs without this package.

Batch norms are folded, orders of channels fixed, and Cube convolutions without
a mask turned into plain ones where that was measured to be faster. The file
takes RGB images (N, 3, H, W), float32 from 0 to 255, of any size or of a fixed
one, and gives logits (N, classes, H, W). It is written only if its logits are
those of PyTorch; else the exit code is 1.
"""

import sys
import time
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace, positive

FORMATS = 'onnx', 'openvino', 'torchscript', 'torch_export'


def add_arguments(add: Arguments) -> None:
    add.network()
    add.share('--cfg-options', '--trust-checkpoint')
    add('--format', 'kind of the file', choices=FORMATS, required=True)
    what = (
        'file to write: *.onnx, *.xml (openvino, with a *.bin beside it), '
        '*.pt (torchscript) or *.pt2 (torch_export)'
    )
    add('--out', what, type=Path, required=True)
    sizes = add.either()
    what = 'side of the example in pixels; the file takes any size'
    sizes('--size', what, default=512)
    what = 'height and width that the file takes, and no other'
    pair = dict(type=positive, nargs=2, metavar=('H', 'W'))
    sizes('--fixed-size', what, **pair)
    add('--batch', 'images at a time with --fixed-size (1)')
    kernels, constant = add.either(), dict(dest='plain', action='store_const')
    what = (
        'keep the lattice, with the fewest weights and operations, also where '
        'a plain convolution is expected to be faster'
    )
    kernels('--keep-cube', what, const=False, **constant)
    what = (
        'plain convolutions for all Cube convolutions without a mask, also '
        'where they have no fewer operations than those of a baseline'
    )
    kernels('--all-plain', what, const=True, **constant)
    what = 'time both in the engine of the format; plain if clearly faster'
    kernels('--tune', what, default=False)


def run(args: Namespace) -> int:
    """Write the file; 1 if it would compute something else."""
    from mmseg_cube import deploy
    from mmseg_cube.deploy.export import check_request
    from mmseg_cube.deploy.formats import FORMATS as kinds
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.default_network import choose_network
    from mmseg_cube.utils.networks import load_network

    start = time.monotonic()
    shape = args.fixed_size and (args.batch or 1, 3, *args.fixed_size)
    if args.batch and not shape:
        raise ValueError('--batch needs --fixed-size; else a file takes any')
    config, checkpoint = choose_network(args.config, args.checkpoint)
    cfg = read_config(config, args.cfg_options)
    model = load_network(cfg, checkpoint)
    segmentor = deploy.ExportableSegmentor(model, shape)
    request = args.format, args.size
    check_request(args.out, *request, segmentor.divisor)
    try:
        if args.tune:
            from mmseg_cube.analysis.speed.engines import tune

            args.plain, said = tune(segmentor, cfg, *request)
            print(said)
        difference, shapes = deploy.export_segmentor(
            segmentor, cfg, args.out, *request, args.plain
        )
    except deploy.ExportError as error:
        print(error, file=sys.stderr)
        return 1
    said = ', '.join('x'.join(map(str, shape)) for shape in shapes)
    weights = kinds[args.format].weights
    files = [args.out, *map(args.out.with_suffix, weights)]
    print(
        f'{" and ".join(map(str, files))}: '
        f'{sum(x.stat().st_size for x in files) / 1e6:.1f} MB in '
        f'{time.monotonic() - start:.0f} s for images of '
        f'{"one size" if shape else "any size"}; logits within '
        f"{difference:.1g} of PyTorch's on {said}"
    )
    return 0
