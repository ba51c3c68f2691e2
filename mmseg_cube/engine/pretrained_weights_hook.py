"""A hook that asks whether a network has the weights its config names."""

from collections import defaultdict
from collections.abc import Iterator

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch import nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.utils.checkpoints import read_checkpoint
from mmseg_cube.utils.configs import weights_of
from mmseg_cube.utils.words import name_some

ENOUGH = 0.9  # of the weights; a few may be new, such as those of a stem


@HOOKS.register_module()
class PretrainedWeightsHook(Hook):
    """Refuse to train on weights that were named, but not loaded.

    Loaders leave out what does not fit. With a wrong prefix, or over a
    wrapper such as ``TIMMBackbone``, ``init_cfg=dict(type='Pretrained', ...)``
    loads nothing at all. So before the first iteration each weight of such a
    part (of two dimensions or more, Cube layers left out) is looked for in
    the file, whatever its name.

    Raises:
        ValueError: If less than nine tenths of the weights are there.
    """

    def before_train(self, runner) -> None:
        """Compare weights with their files, unless training goes on."""
        if runner._load_from or runner._resume:
            return
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        for name, module in model.named_modules(prefix='model'):
            for file in named_files(module, runner.cfg.get('model')):
                number, missing = find_missing(module, file)
                found = f'{number - len(missing)} of {number}'
                if len(missing) > (1 - ENOUGH) * number:
                    raise ValueError(
                        f'{name} has {found} weights of {file}, which its '
                        f'config names; not found: {name_some(missing, 3)}. '
                        'Next: correct the file, or prefix in init_cfg; for '
                        'TIMMBackbone give the file as '
                        'pretrained_cfg_overlay=dict(file=...)'
                    )
                runner.logger.info(f'{name}: {found} weights from {file}')


def find_missing(module: nn.Module, file: str) -> tuple[int, list[str]]:
    """Number of weights of a module, and names of those not in a file."""
    stored = defaultdict(list)
    for value in read_checkpoint(file)['state_dict'].values():
        stored[value.shape].append(value.float())
    weights = {
        f'{path}.{name}'.lstrip('.'): value.detach().float().cpu()
        for path, part in module.named_modules()
        if not isinstance(part, CubeConv2d)
        for name, value in part.named_parameters(recurse=False)
        if value.dim() > 1
    }
    missing = [
        name
        for name, weight in weights.items()
        if not any(torch.equal(weight, x) for x in stored[weight.shape])
    ]
    return len(weights), missing


def named_files(module: nn.Module, cfg: object) -> Iterator[str]:
    """Files of weights that the config of a network names for a module."""
    init_cfg = getattr(module, 'init_cfg', None) or []
    for each in init_cfg if isinstance(init_cfg, list) else [init_cfg]:
        if each.get('type') == 'Pretrained':
            yield each['checkpoint']
    # timm loads them itself, and remembers the file in any case.
    file = (getattr(module, 'pretrained_cfg', None) or {}).get('file')
    if file and file in dict(weights_of(cfg, 'model')).values():
        yield file
