"""Test a trained network, with mmsegmentation's own script.

Its other options are passed on as they are.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace

PASSES_ON = True
OPTIONS = '--cfg-options'


def add_arguments(add: Arguments) -> None:
    add.share('config', 'checkpoint')
    add('--work-dir', 'folder of logs and scores')
    add('--out', 'folder for the predicted masks')
    add('--show-dir', 'folder for pictures')
    add.share('--tta', '--launcher', OPTIONS, '--trust-checkpoint')


def run(args: Namespace) -> int:
    from mmseg_cube.cli.mmseg_script import run_mmseg_script
    from mmseg_cube.utils.configs import loaded_when_built, read_config
    from mmseg_cube.utils.networks import load_network
    from mmseg_cube.utils.quiet import quiet_log

    cfg = read_config(args.config, args.cfg_options)
    with quiet_log():
        # The script would go on with the weights that happen to fit.
        load_network(cfg, args.checkpoint)
    # The checkpoint has all weights; those it began with need not be there.
    needless = [f'{x}=False' for x in loaded_when_built(cfg.model, 'model')]
    words = list(args.words)
    if needless:
        if OPTIONS not in words:
            words.append(OPTIONS)
        place = len(words) - words[::-1].index(OPTIONS)
        words[place:place] = needless
    return run_mmseg_script('test.py', words)
