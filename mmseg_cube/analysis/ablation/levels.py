"""Which levels of a ``UNetHead`` have Cube kernels, routers and masks.

Levels count from 0, the coarsest.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence

from mmseg.registry import MODELS

from mmseg_cube.analysis.ablation.cubes import Cfg, find_cubes, kind_of

HEAD = 'UNetHead'
Levels = Sequence[Cfg | None]


def cubes_on(model: object, chosen: Sequence[int]) -> object:
    """Copy a model with Cube kernels on some levels, the others plain.

    Raises:
        ValueError: If there is no such level.
    """

    def change(levels: Levels) -> Levels:
        # A level that was plain gets what the first Cube level has.
        cube = next(level for level in levels if level)
        return [
            (level or cube) if i in chosen else None
            for i, level in enumerate(levels)
        ]

    return _change_levels(model, chosen, change)


def change_on(
    model: object, chosen: Sequence[int], change: Callable[[Cfg], Cfg]
) -> object:
    """Copy a model with other options of the Cube kernels of some levels.

    Args:
        model: ``model`` of a config.
        chosen: Levels to change.
        change: Gets a copy of the options of each, returns what takes its
            place.

    Raises:
        ValueError: If there is no such level, or one has no Cube kernels.
    """

    def change_levels(levels: Levels) -> Levels:
        for i in chosen:
            if not levels[i]:
                raise ValueError(f'level {i} has no Cube kernels')
        return [
            change(dict(level)) if i in chosen else level
            for i, level in enumerate(levels)
        ]

    return _change_levels(model, chosen, change_levels)


def keep_on(model: object, part: str, chosen: Sequence[int]) -> object:
    """Copy a model that keeps its routers or masks on some levels only.

    Args:
        model: ``model`` of a config.
        part: ``'router'`` or ``'mask'``.
        chosen: Levels that keep it.

    Raises:
        ValueError: If there is no such level, or one has nothing to keep.
    """

    def change(levels: Levels) -> Levels:
        for i in chosen:
            if (levels[i] or {}).get(part) is None:
                raise ValueError(f'level {i} has no {part} to keep')
        return [
            level if not level or i in chosen else {**level, part: None}
            for i, level in enumerate(levels)
        ]

    return _change_levels(model, chosen, change)


def _change_levels(
    model: object, chosen: Sequence[int], change: Callable[[Levels], Levels]
) -> object:
    heads = 0

    def checked(levels: Levels) -> Levels:
        nonlocal heads
        heads += 1
        for i in chosen:
            if i not in range(len(levels)):
                raise ValueError(
                    f'there is no level {i}; the head has levels 0 '
                    f'(coarsest) to {len(levels) - 1}'
                )
        return change(levels)

    model = _map_heads(model, checked)
    if not heads:
        raise ValueError(f'the model has no {HEAD} with Cube kernels')
    return model


def _map_heads(cfg: object, change: Callable[[Levels], Levels]) -> object:
    if isinstance(cfg, list | tuple):
        return type(cfg)(_map_heads(item, change) for item in cfg)
    if not isinstance(cfg, Mapping):
        return cfg
    if kind_of(cfg) == HEAD and find_cubes(cfg):
        given = cfg['conv_cfg']
        if not isinstance(given, list | tuple):
            given = [given] * len(_widths(cfg))
        return {**cfg, 'conv_cfg': list(change(given))}
    return {key: _map_heads(value, change) for key, value in cfg.items()}


def _widths(head: Mapping[str, object]) -> Sequence[int]:
    if 'widths' in head:
        return head['widths']
    return inspect.signature(MODELS.get(HEAD)).parameters['widths'].default
