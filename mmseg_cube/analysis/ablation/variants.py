"""Variants of a Cube network: presets with settings.

============== =======================================================
baseline       plain convolutions
reconstruction Cube kernels without router and mask
router         these with a Sinkhorn router
mask           these with a mask
full           these with both
config         what the config says
============== =======================================================
"""

import copy
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmengine.config import Config, ConfigDict

from mmseg_cube.analysis.ablation.cubes import (
    Cfg,
    change_cubes,
    find_cubes,
    without_cubes,
)
from mmseg_cube.analysis.ablation.levels import change_on, cubes_on, keep_on

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
PARTS = ('router', 'mask')
UNSAFE = re.compile(r'[^\w.+=,@-]+')


@dataclass(frozen=True)
class Variant:
    """One network of an ablation.

    Attributes:
        text: How it was written.
        preset: One of ``PRESETS``.
        options: Values by key.
        on_levels: Key, levels and value of what is set on some levels only.
        model: Values by dotted key of what else is different in the
            ``model`` of the config.
    """

    text: str
    preset: str
    options: Mapping[str, object]
    on_levels: Sequence[tuple[str, list[int], object]] = ()
    model: Mapping[str, object] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return UNSAFE.sub('_', self.text)

    def of(self, model: Mapping[str, object]) -> ConfigDict:
        """Make the ``model`` of this variant from that of a config.

        Raises:
            ValueError: If the config has no Cube kernels, no levels to
                choose from, or no such key.
        """
        if not find_cubes(model):
            raise ValueError(
                'the model has no Cube kernels to vary. Name a config with '
                "conv_cfg=dict(type='CubeConv2d') or a CubeBackbone, such as "
                'one whose name starts with cube-'
            )
        model = self._set_model(model)
        if self.preset == BASELINE:
            return ConfigDict(without_cubes(model))
        model = change_cubes(model, self._set_options)
        try:
            if LEVELS in self.options:
                model = cubes_on(model, self.options[LEVELS])
            for key, chosen, value in self.on_levels:
                change = functools.partial(_set, key=key, value=value)
                model = change_on(model, chosen, change)
            for part in PARTS:
                chosen = self.options.get(f'{part}.{LEVELS}')
                if chosen is not None:
                    model = keep_on(model, part, chosen)
        except ValueError as error:
            raise ValueError(f'variant {self.text!r}: {error}') from error
        return ConfigDict(model)

    def _set_model(self, model: Mapping[str, object]) -> ConfigDict:
        cfg = Config(dict(model=copy.deepcopy(model)))
        try:
            cfg.merge_from_dict(dict(self.model))
        except (KeyError, TypeError) as error:
            raise ValueError(f'variant {self.text!r}: {error}') from error
        return cfg.model

    def _set_options(self, cube: Cfg) -> Cfg:
        cube |= PRESETS[self.preset]
        for key, value in self.options.items():
            if not key.endswith(LEVELS):
                _set(cube, key, value)
        return cube


def _set(cube: Cfg, key: str, value: object) -> Cfg:
    part, _, option = key.rpartition('.')
    if part:
        cube[part] = dict(cube.get(part) or {}, **{option: value})
    else:
        cube[option] = value
    return cube
