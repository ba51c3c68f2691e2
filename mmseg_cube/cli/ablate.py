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

from mmseg_cube.cli.arguments import add, non_negative, share

CONTINUES = True
SCORES = 'IoU', 'tuned-IoU', 'AP'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is compared, where it is trained and what is reported."""
    add(parser, 'config', 'config of a Cube network')
    add(parser, '--variants', 'networks to train', nargs='+', required=True)
    seeds = dict(nargs='+', type=non_negative, default=[0, 1, 2])
    add(parser, '--seeds', 'seeds of the runs', **seeds)
    add(parser, '--out', 'folder (work_dirs/ablate/NAME OF CONFIG)')
    where = 'each trains one run at a time, such as cuda:0 cuda:1, or cpu cpu'
    add(parser, '--devices', f'{where} (all GPUs, else cpu)', nargs='+')
    reference = 'variant to compare with (the first one)'
    add(parser, '--reference', reference, metavar='VARIANT')
    score = 'tuned: at the best threshold of val; AP: average precision'
    add(parser, '--score', score, choices=SCORES, default=SCORES[0])
    only = parser.add_mutually_exclusive_group()
    report = 'train nothing, report what is finished'
    add(only, '--report-only', report, action='store_true')
    dry = 'train nothing, write the config of every variant and count it'
    add(only, '--dry-run', dry, action='store_true')
    share(parser, '--cfg-options')


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
