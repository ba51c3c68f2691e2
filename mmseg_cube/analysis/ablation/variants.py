"""Variants of a Cube network, written as ``PRESET+KEY=VALUE+...``.

============== =======================================================
baseline       plain convolutions
reconstruction Cube kernels without router and mask
router         these with a Sinkhorn router
mask           these with a mask
full           these with both
config         what the config says
============== =======================================================

Keys are options of ``CubeConv2d``, with a dot those of its router and mask:
``reconstruction+router.method=sort``, ``full+mask.kernel_size=7``. For a
``UNetHead``, ``levels=0,1`` are the levels, coarsest first, that have Cube
kernels, and ``router.levels`` and ``mask.levels`` those of them that keep
the router or the mask. Any other key can be set on some levels only:
``reconstruction+lattice_kernel_size@2,3=4``.
"""

import functools
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmengine.config import ConfigDict, DictAction

from mmseg_cube.analysis.ablation.cubes import (
    Cfg,
    change_cubes,
    find_cubes,
    without_cubes,
)
from mmseg_cube.analysis.ablation.levels import change_on, cubes_on, keep_on
from mmseg_cube.layers import ChannelRouter, SpatialMask
from mmseg_cube.layers.conv_cfg import CUBE_ARGUMENTS

ROUTER, MASK = dict(method='sinkhorn'), dict()
BASELINE, CONFIG = 'baseline', 'config'
# What the presets make of router and mask.
PRESETS = {
    BASELINE: None,
    'reconstruction': dict(router=None, mask=None),
    'router': dict(router=ROUTER, mask=None),
    'mask': dict(router=None, mask=MASK),
    'full': dict(router=ROUTER, mask=MASK),
    CONFIG: dict(),
}
LEVELS = 'levels'
AT = '@'  # before the levels on which a key is set
NESTED = {
    part: [
        name
        for name in inspect.signature(layer).parameters
        if name not in ('channels', 'device', 'dtype')
    ]
    for part, layer in (('router', ChannelRouter), ('mask', SpatialMask))
}
KEYS = [
    *CUBE_ARGUMENTS,
    LEVELS,
    *(f'{part}.{key}' for part, keys in NESTED.items() for key in keys),
    *(f'{part}.{LEVELS}' for part in NESTED),
]
# A plus sign inside a number starts no new part.
JOINT = re.compile(r'\+(?=[A-Za-z_])')
UNSAFE = re.compile(r'[^\w.+=,@-]+')


@dataclass(frozen=True)
class Variant:
    """One network of an ablation.

    Attributes:
        text: How it was written.
        preset: One of ``PRESETS``.
        options: Values by key.
        on_levels: Key, levels and value of what is set on some levels only.
    """

    text: str
    preset: str
    options: Mapping[str, object]
    on_levels: Sequence[tuple[str, list[int], object]] = ()

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return UNSAFE.sub('_', self.text)

    def of(self, model: Mapping[str, object]) -> ConfigDict:
        """Make the ``model`` of this variant from that of a config.

        Raises:
            ValueError: If the config has no Cube kernels, or no levels to
                choose from.
        """
        if not find_cubes(model):
            raise ValueError(
                'the model has no Cube kernels to vary. Name a config with '
                "conv_cfg=dict(type='CubeConv2d') or a CubeBackbone, such as "
                'one whose name starts with cube-'
            )
        if self.preset == BASELINE:
            return ConfigDict(without_cubes(model))
        model = change_cubes(model, self._set_options)
        try:
            if LEVELS in self.options:
                model = cubes_on(model, self.options[LEVELS])
            for key, chosen, value in self.on_levels:
                change = functools.partial(_set, key=key, value=value)
                model = change_on(model, chosen, change)
            for part in NESTED:
                chosen = self.options.get(f'{part}.{LEVELS}')
                if chosen is not None:
                    model = keep_on(model, part, chosen)
        except ValueError as error:
            raise ValueError(f'variant {self.text!r}: {error}') from error
        return ConfigDict(model)

    def _set_options(self, cube: Cfg) -> Cfg:
        cube |= PRESETS[self.preset]
        for key, value in self.options.items():
            if not key.endswith(LEVELS):
                _set(cube, key, value)
        return cube


def parse_variant(text: str) -> Variant:
    """Read a variant.

    Raises:
        ValueError: Naming the preset, key or value that cannot be read, and
            what there is.
    """
    preset, *parts = JOINT.split(text)
    if preset not in PRESETS:
        raise ValueError(
            f'variant {text!r}: there is no preset {preset!r}; there are '
            f'{", ".join(PRESETS)}'
        )
    given, options, on_levels = [], {}, []
    for part in parts:
        where, equals, value = part.partition('=')
        key, at, levels = where.partition(AT)
        if not equals or key not in KEYS:
            raise ValueError(
                f'variant {text!r}: {part!r} is none of {"=, ".join(KEYS)}='
            )
        if where in given:
            raise ValueError(f'variant {text!r}: {where} is given twice')
        chosen = _read_levels(levels) if at else []
        if at and (key.endswith(LEVELS) or not chosen):
            raise ValueError(
                f'variant {text!r}: {part!r} sets no option on levels. Write '
                'KEY@LEVELS=VALUE, such as lattice_kernel_size@0,1=4'
            )
        given.append(where)
        read = _read_value(text, key, value)
        if at:
            on_levels.append((key, chosen, read))
        else:
            options[key] = read
    if preset == BASELINE and given:
        raise ValueError(
            f'variant {text!r}: a baseline has no Cube kernels, so no '
            f'{given[0]}'
        )
    return Variant(text, preset, options, on_levels)


def _read_value(text: str, key: str, value: str) -> object:
    """Read a value as ``--cfg-options`` does."""
    read = DictAction._parse_iterable(value)
    if key.endswith(LEVELS):
        read = _read_levels(value)
        if not read:
            raise ValueError(
                f'variant {text!r}: {key} must be numbers, such as 0,1, but '
                f'got {value!r}'
            )
    elif key in NESTED and read is not None:
        raise ValueError(
            f'variant {text!r}: {key} can only be None; give its options, '
            f'such as {key}.{NESTED[key][0]}=...'
        )
    return read


def _read_levels(text: str) -> list[int]:
    """Read numbers with commas between them; none if it is not that."""
    read = DictAction._parse_iterable(text)
    read = list(read) if isinstance(read, list | tuple) else [read]
    return read if all(type(i) is int for i in read) else []


def _set(cube: Cfg, key: str, value: object) -> Cfg:
    part, _, option = key.rpartition('.')
    if part:
        cube[part] = dict(cube.get(part) or {}, **{option: value})
    else:
        cube[option] = value
    return cube
