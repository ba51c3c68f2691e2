"""Compare how correlated the gradients of channels are in two networks.

``python tools/analysis_tools/gradient_correlation.py CONFIG [CHECKPOINT ...]
--against CONFIG --against-checkpoints [CHECKPOINT ...]``

Layers of the same name get the same batches; the gradients of the loss with
respect to their inputs and to their kernels are gathered over them. Several
checkpoints give curves over training, none random weights. Definitions are in
docs/gradient_analysis.md.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from rich.console import Console
from rich.progress import Progress

from mmseg_cube.analysis.benchmark.rounds import describe_machine
from mmseg_cube.analysis.benchmark.tool import positive, show
from mmseg_cube.analysis.complexity.configs import read_config
from mmseg_cube.analysis.gradients.comparison import Look, look_at_all
from mmseg_cube.analysis.gradients.layers import choose_layers, count_left_out
from mmseg_cube.analysis.gradients.networks import (
    Subject,
    draw_batches,
    prepare,
)
from mmseg_cube.analysis.gradients.report import write_report
from mmseg_cube.analysis.gradients.tables import make_tables
from mmseg_cube.utils.cfg_options import add_cfg_options

DEVICES = ('cpu', 'cuda')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config', help='config of the network, and of the data'
    )
    parser.add_argument(
        'checkpoints',
        nargs='*',
        metavar='checkpoint',
        help='its weights; init, as well as none, stands for random ones '
        '(pretrained weights that the config names are not loaded)',
    )
    parser.add_argument(
        '--against',
        metavar='CONFIG',
        help='config to compare with, such as the baseline NAME.py of '
        'cube-NAME.py; left out, one network is analysed',
    )
    parser.add_argument(
        '--against-checkpoints',
        nargs='+',
        default=[],
        metavar='CHECKPOINT',
        help='as many for the other network, of the same times of training',
    )
    parser.add_argument(
        '--batches', type=positive, default=8, help='number of batches (8)'
    )
    parser.add_argument(
        '--layers',
        nargs='+',
        metavar='PATTERN',
        help='shell patterns for names of convolutions; by default the Cube '
        'convolutions of either network',
    )
    parser.add_argument(
        '--split',
        choices=('train', 'val'),
        default='train',
        help='data loader of the config to draw batches from (train)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/gradient_correlation'),
        help='folder for the results (work_dirs/gradient_correlation)',
    )
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of batches, dropout and random weights (0)',
    )
    parser.add_argument(
        '--device', choices=DEVICES, default='cpu', help='where to run (cpu)'
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.against_checkpoints and not args.against:
        parser.error('--against-checkpoints are those of --against; add that')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    args = parse_args(argv)
    # Building and loading networks say what they do.
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    try:
        subjects = read_subjects(args)
        convs = [subject.convolutions for subject in subjects]
        layers = choose_layers(convs, args.layers)
        device = find_device(args.device)
        args.out.mkdir(parents=True, exist_ok=True)
        batches = draw_batches(
            subjects[0].cfg, args.split, args.batches, args.seed
        )
        looks = look(subjects, layers, batches, args.seed, device)
        facts = describe(subjects, args, device)
        files = write_report(subjects, looks, layers, facts, args.out)
    except torch.cuda.OutOfMemoryError as error:
        print(
            f'gradient_correlation: {error}; choose smaller batches with '
            f'--cfg-options {args.split}_dataloader.batch_size=1',
            file=sys.stderr,
        )
        return 2
    except (OSError, ValueError) as error:
        print(f'gradient_correlation: {error}', file=sys.stderr)
        return 2
    tables = make_tables([series[-1:] for series in looks], layers)
    show(facts, tables)
    left_out = count_left_out(convs, layers)
    if left_out:
        print(f'{left_out} Cube convolutions were not compared')
    print(f'{", ".join(files)} in {args.out}')
    return 0


def read_subjects(args: argparse.Namespace) -> list[Subject]:
    """Build the networks, and try all of their checkpoints.

    Raises:
        OSError: If a file is not there.
        ValueError: If one of them cannot be used.
    """
    given = [(args.config, args.checkpoints)]
    if args.against:
        given.append((args.against, args.against_checkpoints))
        counts = [len(paths) for _, paths in given]
        if counts[0] != counts[1]:
            raise ValueError(
                f'{args.config} has {counts[0]} checkpoints and '
                f'{args.against} {counts[1]}; name as many for both, with '
                '--against-checkpoints for the latter'
            )
    names = [Path(path).stem for path, _ in given]
    if len(set(names)) < len(names):
        names[1] += ' (against)'
    return [
        prepare(name, read(path, args.cfg_options), checkpoints)
        for name, (path, checkpoints) in zip(names, given, strict=True)
    ]


def read(path: str, options: dict) -> Config:
    """Read a config and replace settings in it."""
    cfg = read_config(path)
    cfg.merge_from_dict(options)
    return cfg


def find_device(name: str) -> torch.device:
    """Device of a name.

    Raises:
        ValueError: If there is none.
    """
    if name == 'cuda' and not torch.cuda.is_available():
        raise ValueError('no CUDA device is available; run with --device cpu')
    return torch.device(name)


def look(
    subjects: Sequence[Subject],
    layers: Sequence[str],
    batches: Sequence[dict],
    seed: int,
    device: torch.device,
) -> list[list[Look]]:
    """Look at all networks, with a bar that says how far it got."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        passes = sum(len(subject.checkpoints) for subject in subjects)
        job = bar.add_task('batches', total=passes * len(batches))
        return look_at_all(
            subjects, layers, batches, seed, device, lambda: bar.advance(job)
        )


def describe(
    subjects: Sequence[Subject],
    args: argparse.Namespace,
    device: torch.device,
) -> dict[str, object]:
    """Name what the results depend on besides the code."""
    facts = dict(
        zip(('network', 'against'), (s.name for s in subjects), strict=False)
    )
    size = subjects[0].cfg[f'{args.split}_dataloader'].get('batch_size')
    facts |= dict(
        batches=f'{args.batches} of {size}', split=args.split, seed=args.seed
    )
    return facts | describe_machine(device)


if __name__ == '__main__':
    sys.exit(main())
