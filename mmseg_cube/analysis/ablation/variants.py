"""Variants of a Cube network, written as ``PRESET+KEY=VALUE+...``.

Keys are options of ``CubeConv2d``, with a dot those of its router and mask;
values are written as for ``--cfg-options``: ``full+mask.kernel_size=7``,
``reconstruction+router.method=sort``. Levels are those of a ``UNetHead``,
from 0, the coarsest: ``levels=0,1`` are the ones that have Cube kernels, and
``KEY@2,3=VALUE`` sets an option on these only.

Behind ``baseline`` the keys are those of the convolution that takes the place
of the Cube kernels: ``baseline+type=ConvWS``.

Keys that begin with ``model.`` set anything else of the network, also of the
baseline: ``baseline+model.decode_head.widths=[160,80,40,20]``.
"""

import argparse
import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmengine.config import Config, ConfigDict, DictAction

from mmseg_cube.analysis.ablation.cube_configs import (
    CONV,
    Options,
    change_cubes,
    find_cubes,
    kind_of,
    levels_of,
)

BASELINE = 'baseline'
ROUTER, MASK = dict(method='sinkhorn'), dict()
# What the presets change in the options of Cube kernels.
PRESETS = {
    BASELINE: dict(),  # plain convolutions in their place
    'reconstruction': dict(router=None, mask=None),
    'router': dict(router=ROUTER, mask=None),
    'mask': dict(router=None, mask=MASK),
    'full': dict(router=ROUTER, mask=MASK),
    'config': dict(),  # what the config says
}
# A plus sign inside a number starts no new setting.
JOINT = re.compile(r'\+(?=[A-Za-z_])')
SETTING = re.compile(r'([\w.]+)(?:@([^=]*))?=(.*)')
UNSAFE = re.compile(r'[^\w.+=,@-]+')


@dataclass(frozen=True)
class Variant:
    """One network of an ablation."""

    text: str  # as it was written
    preset: str
    # Key, levels (None: all) and value of what is set for Cube kernels, or
    # for what takes their place.
    options: Sequence[tuple[str, Sequence[int] | None, object]] = ()
    # Those that have Cube kernels; none leave them as they are.
    levels: Sequence[int] = ()
    # What is different in the rest of the model, by dotted key.
    model: Mapping[str, object] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return UNSAFE.sub('_', self.text)

    def of(self, model: Mapping[str, object]) -> ConfigDict:
        """Make the ``model`` of this variant from that of a config.

        Raises:
            ValueError: If the config has no Cube kernels, no such levels, or
                no such key.
        """
        if not find_cubes(model):
            raise ValueError(
                'the model has no Cube kernels to vary. Name a config with '
                "conv_cfg=dict(type='CubeConv2d') or a CubeBackbone, such as "
                'one whose name starts with cube-'
            )
        cfg = Config(dict(model=copy.deepcopy(model)))
        try:
            cfg.merge_from_dict(dict(self.model))
            if self._named_levels():
                cfg.model.decode_head.conv_cfg = self._spread(cfg.model)
            return ConfigDict(change_cubes(cfg.model, self._change))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'variant {self.text!r}: {error}') from error

    def _named_levels(self) -> set[int]:
        return {
            *self.levels,
            *(i for _, some, _ in self.options for i in some or ()),
        }

    def _spread(self, model: Mapping[str, object]) -> list[Options | None]:
        """Return the options of each level that shall have some."""
        levels = levels_of(model)
        if self.levels:
            # A level that was plain gets what the first other one has.
            cube = next(filter(None, levels))
            levels = [
                (level or cube) if i in self.levels else None
                for i, level in enumerate(levels)
            ]
        for i in self._named_levels():
            if not (0 <= i < len(levels) and levels[i]):
                raise ValueError(
                    f'there is no level {i} with Cube kernels; the head has '
                    f'levels 0 (coarsest) to {len(levels) - 1}'
                )
        return levels

    def _change(self, options: Options, level: int | None) -> Options | None:
        """Change the options of one place, which may be a level."""
        is_baseline = self.preset == BASELINE
        if is_baseline and kind_of(options) != CONV:
            return None
        changed = {} if is_baseline else options | PRESETS[self.preset]
        for key, levels, value in self.options:
            if levels is None or level in levels:
                layer, _, option = key.rpartition('.')
                if layer:
                    value = {**(changed.get(layer) or {}), option: value}
                changed[layer or option] = value
        if changed and is_baseline and 'type' not in changed:
            raise ValueError(
                'a baseline has no Cube kernels to set options of'
            )
        return changed or None


def parse_variant(text: str) -> Variant:
    """Read a variant.

    Raises:
        ValueError: Naming what cannot be read, and what there is.
    """
    preset, *parts = JOINT.split(text)
    try:
        if preset not in PRESETS:
            raise ValueError(
                f'there is no preset {preset!r}; there are '
                + ', '.join(PRESETS)
            )
        return Variant(text, preset, **_read_settings(parts))
    except ValueError as error:
        raise ValueError(f'variant {text!r}: {error}') from error


def _read_settings(parts: Sequence[str]) -> dict[str, object]:
    read = dict(options=[], model={})
    for part in parts:
        match = SETTING.fullmatch(part)
        if not match:
            raise ValueError(
                f'{part!r} is no KEY=VALUE or KEY@LEVELS=VALUE, such as '
                'lattice_kernel_size=4 or lattice_kernel_size@0,1=4'
            )
        key, levels, value = match[1], match[2], _read_value(match[3])
        if levels is not None:
            levels = _to_levels(_read_value(levels))
            read['options'].append((key, levels, value))
        elif key == 'levels':
            read['levels'] = _to_levels(value)
        elif key.startswith('model.'):
            read['model'][key] = value
        else:
            read['options'].append((key, None, value))
    # What is set for some levels goes above what is set for all.
    read['options'].sort(key=lambda option: option[1] is not None)
    return read


def _read_value(text: str) -> object:
    """Read a value as mmengine reads those of ``--cfg-options``."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--value', nargs=1, action=DictAction)
    try:
        return parser.parse_args(['--value', f'value={text}']).value['value']
    except AssertionError as error:  # brackets that do not match
        raise ValueError(str(error)) from error


def _to_levels(value: object) -> list[int]:
    levels = value if isinstance(value, list) else [value]
    if not all(type(level) is int for level in levels):
        raise ValueError(f'levels are numbers, such as 0,1, but got {value!r}')
    return levels
