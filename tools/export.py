"""Export a trained segmentor to a file that runs without this package.

Batch norms are folded, orders of channels fixed and Cube convolutions without
a mask turned into plain ones where that is better. The file takes RGB images
(N, 3, H, W), float32 from 0 to 255, of any size, and gives logits (N, classes,
H, W). It is written only if its logits are those of PyTorch.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.deploy import (
    FORMATS,
    ExportableSegmentor,
    ParityError,
    describe,
    export_segmentor,
    load_segmentor,
)
from mmseg_cube.utils.cfg_options import add_cfg_options


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the network')
    parser.add_argument('checkpoint', help='its trained weights')
    parser.add_argument(
        '--format',
        required=True,
        choices=('onnx', 'torchscript', 'torch_export'),
        help='kind of the file',
    )
    parser.add_argument(
        '--out',
        required=True,
        type=Path,
        help='file to write: '
        + ', '.join(f'*{f.suffix} ({name})' for name, f in FORMATS.items()),
    )
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        metavar=('H', 'W'),
        default=(512, 512),
        help='size of the example; the file takes any (512 512)',
    )
    kernels = parser.add_mutually_exclusive_group()
    kernels.add_argument(
        '--keep-cube',
        dest='plain',
        action='store_false',
        default=None,
        help='keep the lattice, with the fewest weights and operations, also '
        'where a plain convolution is expected to be faster',
    )
    kernels.add_argument(
        '--all-plain',
        dest='plain',
        action='store_true',
        default=None,
        help='plain convolutions for all Cube convolutions without a mask, '
        'also where they have no fewer operations than those of a baseline',
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool.

    Returns:
        0 if all went well, 1 if the file would compute something else, 2 if
        the input was wrong.
    """
    args = parse_args(argv)
    start = time.monotonic()
    try:
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options)
        segmentor = ExportableSegmentor(load_segmentor(cfg, args.checkpoint))
        segmentor.eval()
        export = export_segmentor(
            segmentor,
            args.out,
            args.format,
            tuple(args.size),
            args.plain,
            describe(segmentor, cfg),
        )
    except ParityError as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    shapes = ', '.join('x'.join(map(str, s)) for s in export.shapes)
    print(
        f'{export.path}: {export.path.stat().st_size / 1e6:.1f} MB in '
        f'{time.monotonic() - start:.0f} s; logits within '
        f"{export.difference:.1g} of PyTorch's on {shapes}"
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
