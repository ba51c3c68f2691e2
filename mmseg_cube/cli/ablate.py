"""Train variants of a Cube network and compare them.

  mmseg-cube ablate CONFIG --variants baseline reconstruction full

Every variant is trained with every seed, with the same schedule and data, and
scored on val and test. The variants of a seed are trained side by side, on
the same crops. A study that was stopped goes on with the same command.

A variant is a preset, with settings behind it: baseline, reconstruction (no
router, no mask), router, mask, full (both), config (what the config says);
reconstruction+router.method=sort, full+mask.kernel_size=7,
full+levels=0,1, baseline+type=ConvWS,
baseline+model.decode_head.widths=[160,80,40,20].
"""

from mmseg_cube.cli.arguments import Arguments, Namespace, non_negative

CONTINUES = 'The same command goes on with the seed that it was at.'
SCORES = 'IoU', 'tuned-IoU', 'AP'


def add_arguments(add: Arguments) -> None:
    add('config', 'config of a Cube network')
    add('--variants', 'networks to train', nargs='+', required=True)
    add('--seeds', 'seeds of the runs', type=non_negative, default=[0, 1, 2])
    add('--out', 'folder (work_dirs/ablate/NAME OF CONFIG)')
    what = 'variant to compare with (the first one)'
    add('--reference', what, metavar='VARIANT')
    what = 'tuned: at the best threshold of val; AP: average precision'
    add('--score', what, choices=SCORES, default=SCORES[0])
    only = add.either()
    what = 'train nothing, report what is finished'
    only('--report-only', what, default=False)
    what = 'train nothing, write the config of every variant and count it'
    only('--dry-run', what, default=False)
    add.share('--device', '--cfg-options', '--trust-checkpoint')


def run(args: Namespace) -> int:
    """Carry out the study; 1 if a run failed or none is finished."""
    from mmseg_cube.analysis.ablation.report import write_report
    from mmseg_cube.analysis.ablation.study import plan_study, write_configs
    from mmseg_cube.analysis.ablation.train import train

    what = args.config, args.cfg_options, args.variants, args.seeds
    study = plan_study(*what, args.reference, args.out, args.score)
    if args.dry_run:
        print(*write_configs(study), sep='\n')
        return 0
    failed = [] if args.report_only else train(study, args.device)
    summary = write_report(study)
    print(summary or f'no run is finished in {study.root}')
    return 1 if failed or not summary else 0
