"""Train variants of a Cube network and compare them.

  mmseg-cube ablate CONFIG --variants baseline reconstruction full

Every variant is trained with every seed, with the same schedule and data, and
scored on val and test. A study can be stopped and called again: it goes on
where it was. Two calls with one folder share the work.

A variant is a preset, with settings behind it: baseline, reconstruction (no
router, no mask), router, mask, full (both), config (what the config says);
reconstruction+router.method=sort, full+mask.kernel_size=7,
reconstruction+lattice_kernel_size@2,3=4, full+levels=0,1,
baseline+type=ConvWS, baseline+model.decode_head.widths=[160,80,40,20].
"""

import argparse

from mmseg_cube.cli import arguments

CONTINUES = True
SCORES = 'IoU', 'tuned-IoU', 'AP'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is compared, where it is trained and what is reported."""
    add = parser.add_argument
    arguments.config(parser, 'config of a Cube network')
    add('--variants', nargs='+', required=True, help='networks to train')
    arguments.seeds(parser, (0, 1, 2))
    arguments.out(parser, 'folder (work_dirs/ablate/NAME OF CONFIG)')
    where = 'each trains one run at a time, such as cuda:0 cuda:1, or cpu cpu'
    add('--devices', nargs='+', help=f'{where} (all GPUs, else cpu)')
    reference = 'variant to compare with (the first one)'
    add('--reference', metavar='VARIANT', help=reference)
    score = 'tuned: at the best threshold of val; AP: average precision (IoU)'
    add('--score', choices=SCORES, default=SCORES[0], help=score)
    only = parser.add_mutually_exclusive_group()
    report = 'train nothing, report what is finished'
    only.add_argument('--report-only', action='store_true', help=report)
    dry = 'train nothing, write the config of every variant and count it'
    only.add_argument('--dry-run', action='store_true', help=dry)
    arguments.cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the study; 1 if a run failed or none is finished."""
    from mmseg_cube.analysis.ablation.queue import train
    from mmseg_cube.analysis.ablation.report import write_report
    from mmseg_cube.analysis.ablation.study import plan_study, write_configs

    what = args.config, args.cfg_options, args.variants, args.seeds
    study = plan_study(*what, args.reference, args.out, args.score)
    if args.dry_run:
        print(*write_configs(study), sep='\n')
        return 0
    failed = [] if args.report_only else train(study, args.devices)
    summary = write_report(study)
    print(summary or f'no run is finished in {study.root}')
    return 1 if failed or not summary else 0
