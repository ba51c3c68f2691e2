"""Train a network, with mmsegmentation's own script.

Without CONFIG the default network is fine-tuned on {train,val}/{image,label}
of a folder: mmseg-cube train --cfg-options data_root=FOLDER

Its other options are passed on as they are. For several GPUs:
torchrun --nproc-per-node N -m mmseg_cube.cli train CONFIG --launcher pytorch
"""

from mmseg_cube.cli.arguments import Arguments, Namespace

PASSES_ON = True
CONTINUES = 'The same command with --resume continues.'


def add_arguments(add: Arguments) -> None:
    what = 'config of the network (that of the default one on own tiles)'
    add('config', what, nargs='?')
    add.share('--launcher', '--cfg-options', '--trust-checkpoint')
    add('--work-dir', 'folder of logs and checkpoints')
    what = 'go on from the last checkpoint of the work folder'
    add('--resume', what, default=False)
    add('--amp', 'automatic mixed precision', default=False)


def run(args: Namespace) -> int:
    from mmengine.device import get_device

    from mmseg_cube.cli.mmseg_script import (
        find_weights,
        run_mmseg_script,
        with_options,
    )
    from mmseg_cube.utils.checkpoints import read_checkpoint
    from mmseg_cube.utils.configs import implied, read_config, weights_of
    from mmseg_cube.utils.default_network import choose_network
    from mmseg_cube.utils.networks import build_network
    from mmseg_cube.utils.quiet import quiet_log

    config, words = args.config, args.words
    if not config:
        config, _ = choose_network(None, None)
        words = [config, *words]
    cfg = read_config(config, args.cfg_options)
    wrapper = cfg.get('optim_wrapper', {}).get('type')
    if get_device() == 'cpu' and (args.amp or wrapper == 'AmpOptimWrapper'):
        raise ValueError(
            'automatic mixed precision (--amp or AmpOptimWrapper) needs a '
            'GPU, but none was found; leave it out on a CPU'
        )
    with quiet_log():
        own = build_network(cfg).state_dict()
        # All that is named has to be there before data are checked.
        find_weights(weights_of(cfg.model, 'model'))
        if cfg.get('load_from'):
            there = read_checkpoint(cfg.load_from)['state_dict']
            there = {k.removeprefix('module.'): there[k].shape for k in there}
            fits = [k for k in own if own[k].shape == there.get(k)]
            if len(fits) < len(own) / 2:  # a head may well be new
                raise ValueError(
                    f'load_from={cfg.load_from} is of another network: it has '
                    f'{len(fits)} of {len(own)} tensors of {config}. Name a '
                    'checkpoint of this one'
                )
    words = with_options(words, implied(cfg, args.cfg_options))
    return run_mmseg_script('train.py', words)
