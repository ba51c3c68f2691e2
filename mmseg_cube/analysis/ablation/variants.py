"""Variants of a Cube network, written as ``PRESET+KEY=VALUE+...``.

Keys are options of ``CubeConv2d``, with a dot those of its router and mask,
or, behind ``baseline``, of the convolution in its place; with ``model.`` in
front anything of the network. Values are written as for ``--cfg-options``.
Levels are those of a ``UNetHead``, from 0, the coarsest: ``levels=0,1`` are
the ones that have Cube kernels, and ``KEY@2,3=VALUE`` is for these only.

In a config, the options of Cube kernels stand in dicts of type ``CubeConv2d``
and ``CubeKernelBlock``, and in ``replace`` and ``insert`` of a
``CubeBackbone``.
"""

import argparse
import copy
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from mmengine.config import Config, ConfigDict, DictAction

import mmseg_cube.analysis.ablation.peers  # noqa: F401, by their names
from mmseg_cube.models import UNetHead

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
# Gets the options of a Cube kernel, and its level if they stand in a list;
# returns what takes their place: None for a plain convolution.
Change = Callable[[Options, int | None], Options | None]


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
        chosen = _read_levels(read.pop('levels', []))
        rest = [key for key in read if key.startswith('model.')]
        cfg.merge_from_dict({key: read.pop(key) for key in rest})
        options, named = [], set(chosen)
        # What is set for some levels goes above what is set for all.
        for key in sorted(read, key=lambda key: '@' in key):
            option, at, levels = key.partition('@')
            levels = _read_levels(levels.split(',')) if at else []
            named.update(levels)
            options.append((option, levels, read[key]))
        if named:
            head = cfg.model.decode_head
            head.conv_cfg = _spread(head, chosen, named)
        return ConfigDict(
            change_cubes(cfg.model, partial(_set_options, preset, options))
        )
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'variant {text!r}: {error}') from error


def change_cubes(
    cfg: object, change: Change, level: int | None = None
) -> object:
    """Copy a part of a config with other options of its Cube kernels.

    Plugins that lose their Cube kernel are left out, and a ``CubeBackbone``
    that loses all of its own becomes the backbone in it.
    """
    kind = kind_of(cfg)
    if kind in ('CubeConv2d', 'CubeKernelBlock'):
        return change(dict(cfg), level)
    if isinstance(cfg, list | tuple):
        items = [change_cubes(x, change, i) for i, x in enumerate(cfg)]
        return type(cfg)(item for item in items if not _is_empty_plugin(item))
    if not isinstance(cfg, Mapping):
        return cfg
    changed = {key: change_cubes(value, change) for key, value in cfg.items()}
    if kind != 'CubeBackbone':
        return changed
    ways = [x for x in ('replace', 'insert') if cfg.get(x) is not None]
    changed |= {way: change(dict(cfg[way]), None) for way in ways}
    if any(changed[way] is not None for way in ways):
        return changed
    weights = {key: cfg.get(key) for key in ('init_cfg', 'pretrained')}
    given = {key: value for key, value in weights.items() if value is not None}
    return {**changed['backbone'], **given}


def find_cubes(cfg: object) -> list[Options]:
    """List the options of all Cube kernels."""
    found = []
    # What takes their place does not matter here.
    change_cubes(cfg, lambda options, level: found.append(options))
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
                f'{setting!r} is no KEY=VALUE or KEY@LEVELS=VALUE, such as '
                'lattice_kernel_size=4 or lattice_kernel_size@0,1=4'
            )
    read = argparse.Namespace()
    DictAction([], 'settings')(None, read, settings)
    return read.settings


def _read_levels(value: object) -> list[int]:
    levels = value if isinstance(value, list) else [value]
    if not all(re.fullmatch(r'-?\d+', str(level)) for level in levels):
        raise ValueError(f'levels are numbers, such as 0,1, but got {value!r}')
    return list(map(int, levels))


def _spread(
    head: Mapping[str, object], chosen: Collection[int], named: Collection[int]
) -> list[Options | None]:
    """List the options of each level of a head, coarsest first.

    Chosen levels get Cube kernels, and all others none, unless none is
    chosen; those that are named must have some then.
    """
    if kind_of(head) != 'UNetHead' or not find_cubes(head):
        raise ValueError('the model has no UNetHead with Cube kernels')
    levels = head['conv_cfg']
    if not isinstance(levels, list | tuple):
        widths = inspect.signature(UNetHead).parameters['widths'].default
        levels = [levels] * len(head.get('widths', widths))
    if chosen:
        # A level that was plain gets what the first other one has.
        cube = next(filter(None, levels))
        levels = [
            (level or cube) if i in chosen else None
            for i, level in enumerate(levels)
        ]
    for i in named:
        if not (0 <= i < len(levels) and levels[i]):
            raise ValueError(
                f'there is no level {i} with Cube kernels; the head has '
                f'levels 0 (coarsest) to {len(levels) - 1}'
            )
    return list(levels)


def _set_options(
    preset: str,
    settings: Sequence[tuple[str, Sequence[int], object]],
    options: Options,
    level: int | None,
) -> Options | None:
    """Change the options of one place; settings without levels are for all."""
    is_baseline = preset == BASELINE
    if is_baseline and kind_of(options) != 'CubeConv2d':
        return None
    changed = {} if is_baseline else options | PRESETS[preset]
    for key, levels, value in settings:
        if not levels or level in levels:
            layer, _, option = key.rpartition('.')
            if layer:
                value = {**(changed.get(layer) or {}), option: value}
            changed[layer or option] = value
    if changed and is_baseline and 'type' not in changed:
        raise ValueError('a baseline has no Cube kernels to set options of')
    return changed or None


def _is_empty_plugin(cfg: object) -> bool:
    return isinstance(cfg, Mapping) and 'cfg' in cfg and cfg['cfg'] is None
