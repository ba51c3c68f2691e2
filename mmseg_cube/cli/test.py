"""Test a trained network, with mmsegmentation's own script.

Its other options are passed on as they are.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace

PASSES_ON = True


def add_arguments(add: Arguments) -> None:
    add.share('config', 'checkpoint')
    add('--work-dir', 'folder of logs and scores')
    add('--out', 'folder for the predicted masks')
    add('--show-dir', 'folder for pictures')
    add.share('--tta', '--launcher', '--cfg-options', '--trust-checkpoint')


def run(args: Namespace) -> int:
    from mmseg_cube.cli.mmseg_script import find_weights, run_mmseg_script
    from mmseg_cube.utils.configs import read_config, weights_of
    from mmseg_cube.utils.networks import load_network
    from mmseg_cube.utils.quiet import quiet_log

    cfg = read_config(args.config, args.cfg_options)
    with quiet_log():
        # The script would go on with the weights that happen to fit.
        load_network(cfg, args.checkpoint)
    find_weights(weights_of(cfg.model, when_built=True))
    return run_mmseg_script('test.py', args.words)
