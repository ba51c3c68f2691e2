"""Draw what a Cube network has learned, and where it is wrong.

The orders of its routers, its coarse kernels, its masks over tiles and maps
of its errors; with --against also where only one of two networks is right.
OUT/learned.md shows the pictures with their numbers, learned.json has all of
them. It says how to read them, the project's docs/learned.md says more.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    add.network()
    add.share('--against', '--against-checkpoints')
    what = (
        'tiles to draw; left out: those where networks differ most, the '
        'worst, the median and the best'
    )
    add('--images', what, default=[], metavar='NAME_OR_PATH')
    add('--count', 'how many tiles to choose', default=6)
    what = 'shell patterns for names of Cube layers (all)'
    add('--layers', what, nargs='+', metavar='PATTERN')
    add('--split', 'part of the data set', default='test')
    add.share('--device', '--cfg-options', '--trust-checkpoint')
    add('--out', 'folder for the pictures', default='work_dirs/learned')


def run(args: Namespace) -> None:
    from mmseg_cube.analysis.learned.report import draw_learned
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.default_network import choose_network
    from mmseg_cube.utils.networks import choose_device

    config, checkpoint = choose_network(args.config, args.checkpoint)
    networks = [(read_config(config, args.cfg_options), checkpoint)]
    if bool(args.against) != (len(args.against_checkpoints) == 1):
        raise ValueError('--against needs one file in --against-checkpoints')
    if args.against:
        networks.append((read_config(args.against), *args.against_checkpoints))
    choice = args.images, args.count, args.split, args.layers
    device = choose_device(args.device)
    print(draw_learned(networks, args.out, *choice, device))
