"""Draw what a Cube network has learned: one folder of pictures.

``python tools/analysis_tools/draw_learned.py CONFIG CHECKPOINT``

Routers' orders, coarse kernels, masks over tiles, and maps of errors; with
``--against CONFIG CHECKPOINT`` also where only one of two networks is right.
OUT/index.md lists the pictures with their numbers, learned.json has all of
them. docs/learned.md says how to read them.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from mmseg_cube.analysis.benchmark.tool import positive
from mmseg_cube.analysis.complexity.configs import read_config
from mmseg_cube.analysis.learned.choice import choose_tiles
from mmseg_cube.analysis.learned.drawing import draw_layers, draw_tile
from mmseg_cube.analysis.learned.layers import cube_layers
from mmseg_cube.analysis.learned.networks import load_network, name_networks
from mmseg_cube.analysis.learned.report import INDEX, Learned, write_report
from mmseg_cube.analysis.learned.tiles import Tiles, predict_tile, score_tile
from mmseg_cube.utils.cfg_options import add_cfg_options
from mmseg_cube.utils.quiet import quiet_libraries

COUNT = 6


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the Cube network')
    parser.add_argument('checkpoint', help='its trained weights')
    parser.add_argument(
        '--against',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='network whose errors are drawn beside, such as the baseline; '
        'the tiles are those of the first config',
    )
    parser.add_argument(
        '--images',
        nargs='+',
        metavar='NAME_OR_PATH',
        help='tiles of the split to draw, instead of those chosen by IoU: the '
        'largest difference between the networks, the worst, the median and '
        'the best of the first, then the next largest differences',
    )
    parser.add_argument(
        '--count',
        type=positive,
        default=COUNT,
        help=f'tiles to choose ({COUNT})',
    )
    parser.add_argument(
        '--split',
        choices=('test', 'val'),
        default='test',
        help="whose images: the config's test or val set (test)",
    )
    parser.add_argument(
        '--layers',
        nargs='+',
        metavar='PATTERN',
        help='shell patterns of names of Cube layers, such as '
        "'decode_head.levels.0.*' (all)",
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/learned'),
        help='folder for the pictures (work_dirs/learned)',
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    args = parse_args(argv)
    try:
        with quiet_libraries():
            learned = draw(args)
        write_report(learned, args.out)
    except (OSError, ValueError) as error:
        print(f'draw_learned: {error}', file=sys.stderr)
        return 2
    pictures = [*learned.pictures.values()]
    pictures += [tile.pictures for tile in learned.tiles.values()]
    print(
        f'Cube layers: {len(learned.layers)}, tiles: {len(learned.tiles)}, '
        f'pictures: {sum(map(len, pictures))}; see {args.out / INDEX}'
    )
    return 0


def draw(args: argparse.Namespace) -> Learned:
    """Draw all pictures, with a bar that says how far it is.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If the input is wrong.
    """
    cfgs = [read_config(args.config)]
    cfgs[0].merge_from_dict(args.cfg_options)
    checkpoints = [args.checkpoint]
    if args.against:
        cfgs.append(read_config(args.against[0]))
        checkpoints.append(args.against[1])
    names = name_networks([cfg.filename for cfg in cfgs])
    # That a network has nothing to show is known before the others load.
    networks = [load_network(cfgs[0], checkpoints[0], names[0])]
    try:
        layers = cube_layers(networks[0].model, args.layers)
    except ValueError as error:
        raise ValueError(f'{args.config}: {error}') from error
    networks += map(load_network, cfgs[1:], checkpoints[1:], names[1:])
    tiles = Tiles(cfgs[0], args.split)
    named = [name for text in args.images or () for name in tiles.find(text)]
    chosen = dict.fromkeys(named, 'named')
    args.out.mkdir(parents=True, exist_ok=True)

    with Progress(console=Console(stderr=True), transient=True) as bar:
        scores = {network.name: {} for network in networks}
        if not chosen:
            for name in bar.track(tiles.paths, description='scoring tiles'):
                tile = tiles.load(name)
                for network in networks:
                    probability = predict_tile(network.model, tile)
                    counts = score_tile(tile, probability)
                    scores[network.name][name] = counts
            chosen = choose_tiles(list(scores.values()), args.count)
        drawn = {}
        for name in bar.track(chosen, description='drawing tiles'):
            tile = tiles.load(name)
            drawn[name] = draw_tile(
                networks, layers, tile, chosen[name], args.out
            )
            for network, counts in drawn[name].counts.items():
                scores[network][name] = counts
    found, pictures = draw_layers(
        layers, networks[0].temperature, drawn, args.out
    )
    described = {
        network.name: dict(
            config=str(network.config), checkpoint=str(network.checkpoint)
        )
        for network in networks
    }
    return Learned(described, tiles.where, scores, drawn, found, pictures)


if __name__ == '__main__':
    sys.exit(main())
