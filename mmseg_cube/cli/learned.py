"""Draw what a Cube network has learned, and where it is wrong.

The orders of its routers, its kernels, its masks over tiles and maps of its
errors. OUT/learned.md shows the pictures and says how to read them,
learned.json has all numbers; docs/learned.md says more.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    add.network()
    what = 'tiles to draw; left out: the worst, the median and the best'
    add('--images', what, default=[], metavar='NAME_OR_PATH')
    add('--count', 'how many tiles to choose', default=6)
    what = 'shell patterns for names of Cube layers (all)'
    add('--layers', what, nargs='+', metavar='PATTERN')
    add('--split', 'part of the dataset', default='test')
    add.share('--device', '--cfg-options', '--trust-checkpoint')
    add('--out', 'folder for the pictures', default='work_dirs/learned')


def run(args: Namespace) -> None:
    from mmseg_cube.analysis.learned.report import draw_learned
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.default_network import choose_network
    from mmseg_cube.utils.networks import choose_device

    config, checkpoint = choose_network(args.config, args.checkpoint)
    cfg = read_config(config, args.cfg_options)
    choice = args.images, args.count, args.split, args.layers
    device = choose_device(args.device)
    print(draw_learned(cfg, checkpoint, args.out, *choice, device))
