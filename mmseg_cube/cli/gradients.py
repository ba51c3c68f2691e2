"""Compare how correlated the gradients of channels are in two networks.

Layers of the same name get the same batches. Tables, numbers and pictures of
the correlations between channels are written, of the gradients of inputs and
of kernels. Without checkpoints, and for init among them, weights are random;
several, as many for both networks, give curves over training.
docs/gradient_analysis.md defines every number.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    add('config', 'config of the network, and of the data')
    add('checkpoints', 'its weights', nargs='*')
    add.share('--against', '--against-checkpoints')
    what = 'shell patterns for names of convolutions (all Cubes)'
    add('--layers', what, nargs='+', metavar='PATTERN')
    add('--batches', 'number of batches', default=8)
    add('--split', 'part of the dataset', default='train')
    add.share('--seed', '--device', '--cfg-options', '--trust-checkpoint')
    add('--out', 'folder for the results', default='work_dirs/gradients')


def run(args: Namespace) -> None:
    from mmseg_cube.analysis.gradients.report import compare
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.networks import choose_device

    given = [(args.config, args.checkpoints)]
    if args.against:
        given.append((args.against, args.against_checkpoints))
    elif args.against_checkpoints:
        raise ValueError('--against-checkpoints go with --against')
    networks = [(read_config(c, args.cfg_options), f) for c, f in given]
    choice = args.layers, args.split, args.batches, args.seed
    print(compare(networks, args.out, *choice, choose_device(args.device)))
