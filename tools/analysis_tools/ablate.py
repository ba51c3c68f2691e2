"""Train variants of a Cube network and compare them.

``python tools/analysis_tools/ablate.py CONFIG --variants baseline
reconstruction full --seeds 0 1 2``

Every variant is trained with every seed, with the same schedule and data, and
scored on val and test. A study can be stopped and called again: it goes on
where it was. Two of them with one folder share the work.

A variant is a preset, with settings behind it: baseline, reconstruction (no
router, no mask), router, mask, full (both), config (what the config says);
reconstruction+router.method=sort, full+mask.kernel_size=7,
reconstruction+phase=down_right, full+levels=0,1+mask.levels=0,
baseline+model.decode_head.widths=[160,80,40,20].
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import MMLogger
from rich.console import Console

from mmseg_cube.analysis.ablation.identity import check_config
from mmseg_cube.analysis.ablation.networks import build_variants
from mmseg_cube.analysis.ablation.notation import parse_variant
from mmseg_cube.analysis.ablation.plan import plan_runs
from mmseg_cube.analysis.ablation.process import LOG, tail
from mmseg_cube.analysis.ablation.scores import IOU, SCORES
from mmseg_cube.analysis.ablation.slots import make_slots
from mmseg_cube.analysis.ablation.study import Study
from mmseg_cube.analysis.benchmark.tool import positive
from mmseg_cube.analysis.complexity.configs import read_config
from mmseg_cube.utils.cfg_options import add_cfg_options

STOPPED = 130  # as shells have it for Ctrl-C


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config of a Cube network')
    parser.add_argument(
        '--variants', nargs='+', required=True, help='networks to train'
    )
    parser.add_argument(
        '--seeds',
        nargs='+',
        type=_seed,
        default=[0, 1, 2],
        help='seeds to train each of them with (0 1 2)',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='folder of the study (work_dirs/ablate/NAME OF CONFIG)',
    )
    parser.add_argument(
        '--reference', help='variant to compare with (the first one)'
    )
    parser.add_argument(
        '--processes', type=positive, help='runs at once on the CPU (1)'
    )
    parser.add_argument(
        '--devices',
        nargs='+',
        help='GPUs, one run each, or cpu (all visible GPUs, else cpu)',
    )
    parser.add_argument(
        '--confidence',
        type=_share,
        default=0.95,
        help='of the intervals (0.95)',
    )
    parser.add_argument(
        '--score',
        choices=SCORES,
        default=IOU,
        help='; '.join(f'{n}: {score.text}' for n, score in SCORES.items())
        + f' ({IOU})',
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        '--report-only',
        action='store_true',
        help='train nothing, report what is finished',
    )
    only.add_argument(
        '--dry-run',
        action='store_true',
        help='train nothing, write the config of every variant into the '
        'folder configs of the study and count its network',
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool.

    Returns:
        0 if all runs are finished, 1 if one failed, 2 if the input was
        wrong, 130 if it was stopped.
    """
    args = parse_args(argv)
    # Every build of a network says what it does.
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    try:
        study = plan(args)
        if args.report_only:
            return report(study)
        for run in study.runs:
            check_config(run)
        built = build_variants(study.runs)
        if args.dry_run:
            print(*study.write_configs(built), sep='\n')
            return 0
        slots = make_slots(args.devices, args.processes)
        failed = study.train(slots, Console(highlight=False, soft_wrap=True))
    except (OSError, ValueError) as error:
        print(f'ablate: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            'ablate: stopped; the same command goes on from here',
            file=sys.stderr,
        )
        return STOPPED
    for run in failed:
        print(
            f'ablate: {run.name} failed, see {run.folder / LOG}:\n{tail(run)}',
            file=sys.stderr,
        )
    print(study.report() or 'no run finished')
    return 1 if failed else 0


def plan(args: argparse.Namespace) -> Study:
    """Read what the command line asks for.

    Raises:
        ValueError: If the config, a variant or the reference is wrong.
    """
    texts = list(dict.fromkeys(args.variants))
    variants = [parse_variant(text) for text in texts]
    reference = args.reference or texts[0]
    if reference not in texts:
        raise ValueError(
            f'--reference {reference} is none of the variants '
            f'{", ".join(texts)}'
        )
    cfg = read_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    stem = Path(args.config).stem
    root = args.work_dir or Path('work_dirs', 'ablate', stem)
    runs = plan_runs(cfg, variants, list(dict.fromkeys(args.seeds)), root)
    return Study(runs, reference, args.confidence, root, args.score)


def report(study: Study) -> int:
    """Report what is finished.

    Raises:
        ValueError: If nothing is.
    """
    summary = study.report()
    if summary is None:
        raise ValueError(
            f'none of these runs is finished in {study.root}; leave out '
            '--report-only to train them'
        )
    print(summary)
    return 0


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f'a seed is a whole number, but got {text!r}'
        )
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(
            f'must be between 0 and 1, but got {text!r}'
        )
    return share


if __name__ == '__main__':
    sys.exit(main())
