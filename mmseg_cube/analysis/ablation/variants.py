"""Variants of a Cube network, written as ``PRESET+KEY=VALUE+...``.

Keys are options of ``CubeConv2d``, with a dot those of its router and mask,
or, behind ``baseline``, of the convolution in its place; with ``model.`` in
front anything of the network. Values are written as for ``--cfg-options``.
Behind ``levels=0,1`` these levels of a ``UNetHead`` only, from 0, the
coarsest, have Cube kernels.

In a config, the options of Cube kernels stand in dicts of type ``CubeConv2d``
and ``CubeKernelBlock``, and in ``replace`` and ``insert`` of a
``CubeBackbone``.
"""

import argparse
import copy
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from mmengine.config import Config, ConfigDict, DictAction

import mmseg_cube.analysis.ablation.peers  # noqa: F401, by their names

BASELINE = 'baseline'
ROUTER = dict(method='sinkhorn')
# What the presets change in the options of Cube kernels.
PRESETS = {
    BASELINE: dict(),  # plain convolutions in their place
    'reconstruction': dict(router=None, mask=None),
    'router': dict(router=ROUTER, mask=None),
    'mask': dict(router=None, mask={}),
    'full': dict(router=ROUTER, mask={}),
    'config': dict(),  # what the config says
}
# A plus sign inside a number starts no new setting.
JOINT = re.compile(r'\+(?=[A-Za-z_])')

Options = dict[str, object]
# Gets the options of a Cube kernel, returns what takes their place: None for a
# plain convolution.
Change = Callable[[Options], Options | None]


def make_variant(model: Mapping[str, object], text: str) -> ConfigDict:
    """Make the ``model`` of a variant from that of a config.

    Raises:
        ValueError: If the config has no Cube kernels, or the text cannot be
            read or does not fit it.
    """
    if not find_cubes(model):
        raise ValueError(
            'the model has no Cube kernels to vary. Name a config with '
            "conv_cfg=dict(type='CubeConv2d') or a CubeBackbone, such as "
            'one whose name starts with cube-'
        )
    cfg = Config(dict(model=copy.deepcopy(model)))
    try:
        preset, *settings = JOINT.split(text)
        if preset not in PRESETS:
            known = ', '.join(PRESETS)
            raise ValueError(
                f'there is no preset {preset!r}; there are {known}'
            )
        read = _read_settings(settings)
        rest = [key for key in read if key.startswith('model.')]
        for key in rest:
            if key.rpartition('.')[2].isdigit():
                raise ValueError(
                    f'{key} is an entry of a list; name the whole list, or an '
                    'option of that entry'
                )
        cfg.merge_from_dict({key: read.pop(key) for key in rest})
        if 'levels' in read:
            head = cfg.model.decode_head
            head.conv_cfg = _spread(head, read.pop('levels'))
        change = partial(_set_options, preset, read)
        return ConfigDict(change_cubes(cfg.model, change))
    except Exception as error:  # mmengine raises and asserts all kinds
        raise ValueError(f'variant {text!r}: {error}') from error


def change_cubes(cfg: object, change: Change) -> object:
    """Copy a part of a config with other options of its Cube kernels.

    Plugins that lose their Cube kernel are left out, and a ``CubeBackbone``
    that loses all of its own becomes the backbone in it.
    """
    kind = kind_of(cfg)
    if kind in ('CubeConv2d', 'CubeKernelBlock'):
        return change(dict(cfg))
    if isinstance(cfg, list | tuple):
        items = [change_cubes(item, change) for item in cfg]
        return type(cfg)(item for item in items if not _is_empty_plugin(item))
    if not isinstance(cfg, Mapping):
        return cfg
    changed = {key: change_cubes(value, change) for key, value in cfg.items()}
    if kind != 'CubeBackbone':
        return changed
    ways = [x for x in ('replace', 'insert') if cfg.get(x) is not None]
    changed |= {way: change(dict(cfg[way])) for way in ways}
    if any(changed[way] is not None for way in ways):
        return changed
    weights = {key: cfg.get(key) for key in ('init_cfg', 'pretrained')}
    given = {key: value for key, value in weights.items() if value is not None}
    return {**changed['backbone'], **given}


def find_cubes(cfg: object) -> list[Options]:
    """List the options of all Cube kernels."""
    found = []
    change_cubes(cfg, found.append)  # what it returns does not matter here
    return found


def kind_of(cfg: object) -> str:
    """Name of the type of a config, without its scope; '' for others."""
    if not isinstance(cfg, Mapping):
        return ''
    return str(cfg.get('type', '')).rpartition('.')[2]


def _read_settings(settings: Sequence[str]) -> dict[str, object]:
    """Read ``KEY=VALUE`` as mmengine reads ``--cfg-options``."""
    for setting in settings:
        if '=' not in setting:
            raise ValueError(
                f'{setting!r} is no KEY=VALUE, such as lattice_kernel_size=4'
            )
    read = argparse.Namespace()
    DictAction([], 'settings')(None, read, settings)
    return read.settings


def _spread(
    head: Mapping[str, object], chosen: object
) -> list[Options | None]:
    """List the options of each level of a head, coarsest first.

    Chosen levels get Cube kernels, and all others none.
    """
    cubes = head.get('conv_cfg')
    if not isinstance(cubes, list | tuple):
        cubes = [cubes] * len(head.get('widths', ()))
    # A level that was plain gets what the first other one has.
    cube = next(filter(None, cubes), None)
    count = len(cubes) if cube else 0
    named = chosen if isinstance(chosen, list) else [chosen]
    if not {*named} <= {*range(count)}:
        raise ValueError(
            f'levels are numbers, such as 0,1, of the {count} levels of a '
            f'UNetHead with Cube kernels, but got {chosen!r}'
        )
    return [(x or cube) if i in named else None for i, x in enumerate(cubes)]


def _set_options(
    preset: str, settings: Options, options: Options
) -> Options | None:
    """Change the options of one place."""
    is_baseline = preset == BASELINE
    if is_baseline and kind_of(options) != 'CubeConv2d':
        return None
    changed = {} if is_baseline else options | PRESETS[preset]
    for key, value in settings.items():
        layer, _, option = key.rpartition('.')
        if layer:
            value = {**(changed.get(layer) or {}), option: value}
        changed[layer or option] = value
    if changed and is_baseline and 'type' not in changed:
        raise ValueError('a baseline has no Cube kernels to set options of')
    return changed or None


def _is_empty_plugin(cfg: object) -> bool:
    return isinstance(cfg, Mapping) and 'cfg' in cfg and cfg['cfg'] is None
