"""Test a trained network, with mmsegmentation's own script.

Without CONFIG the default network is tested on test/{image,label} of a
folder: mmseg-cube test --cfg-options data_root=FOLDER
Its other options are passed on as they are.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace

PASSES_ON = True


def add_arguments(add: Arguments) -> None:
    add.network()
    add('--work-dir', 'folder of logs and scores')
    add('--out', 'folder for the predicted masks')
    add('--show-dir', 'folder for pictures')
    add.share('--tta', '--launcher', '--cfg-options', '--trust-checkpoint')


def run(args: Namespace) -> int:
    from mmseg_cube.cli.mmseg_script import run_mmseg_script, with_options
    from mmseg_cube.utils.configs import (
        implied,
        loaded_when_built,
        read_config,
    )
    from mmseg_cube.utils.default_network import choose_network
    from mmseg_cube.utils.networks import load_network
    from mmseg_cube.utils.quiet import quiet_log

    network = choose_network(args.config, args.checkpoint)
    words = args.words if args.config else [*network, *args.words]
    cfg = read_config(network[0], args.cfg_options)
    with quiet_log():
        # The script would go on with the weights that happen to fit.
        load_network(cfg, network[1])
    # The checkpoint has all weights; those it began with need not be there.
    needless = dict.fromkeys(loaded_when_built(cfg.model, 'model'), False)
    options = implied(cfg, args.cfg_options) | needless
    # The script's own switch gives no logits, which curve and threshold need,
    # and mmseg has no way to turn images.
    words = [word for word in words if word.partition('=')[0] != '--tta']
    if args.tta != 'none':
        hook = dict(type='ViewsHook', tta=args.tta)
        options |= {f'default_hooks.views.{k}': x for k, x in hook.items()}
    return run_mmseg_script('test.py', with_options(words, options))
