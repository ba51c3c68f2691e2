"""The places in the ``model`` of a config that ask for Cube kernels.

Their options stand in dicts of type ``CubeConv2d`` and ``CubeKernelBlock``,
and in ``replace`` and ``insert`` of a ``CubeBackbone``.
"""

import inspect
from collections.abc import Callable, Mapping

from mmseg.registry import MODELS

CONV, BLOCK = 'CubeConv2d', 'CubeKernelBlock'
BACKBONE, ENTRIES = 'CubeBackbone', ('replace', 'insert')
HEAD = 'UNetHead'

Options = dict[str, object]


def kind_of(cfg: object) -> str:
    """Name of the type of a config, without its scope; '' for others."""
    if not isinstance(cfg, Mapping):
        return ''
    return str(cfg.get('type', '')).rpartition('.')[2]


def change_cubes(
    cfg: object,
    change: Callable[[Options, int | None], Options | None],
    level: int | None = None,
) -> object:
    """Copy a part of a config with other options of its Cube kernels.

    Plugins that lose their Cube kernel are left out, and a ``CubeBackbone``
    that loses all of its own becomes the backbone in it.

    Args:
        cfg: ``model``, or a part of it.
        change: Gets a copy of the options of each place, and its level if
            they stand in a list; returns what takes the place: other
            options, or None for a plain convolution.
        level: Index of the part in a list.
    """
    kind = kind_of(cfg)
    if kind in (CONV, BLOCK):
        return change(dict(cfg), level)
    if isinstance(cfg, list | tuple):
        items = [change_cubes(x, change, i) for i, x in enumerate(cfg)]
        return type(cfg)(item for item in items if not _is_empty_plugin(item))
    if not isinstance(cfg, Mapping):
        return cfg
    changed = {key: change_cubes(value, change) for key, value in cfg.items()}
    entries = [e for e in ENTRIES if cfg.get(e) is not None]
    if kind != BACKBONE or not entries:
        return changed
    changed |= {entry: change(dict(cfg[entry]), None) for entry in entries}
    if any(changed[entry] is not None for entry in entries):
        return changed
    weights = {
        key: cfg[key]
        for key in ('init_cfg', 'pretrained')
        if cfg.get(key) is not None
    }
    return {**changed['backbone'], **weights}


def find_cubes(cfg: object) -> list[Options]:
    """List the options of all Cube kernels."""
    found = []
    # What takes their place does not matter here.
    change_cubes(cfg, lambda options, level: found.append(options))
    return found


def levels_of(model: Mapping[str, object]) -> list[Options | None]:
    """List the ``conv_cfg`` of each level of a ``UNetHead``, coarsest first.

    Raises:
        ValueError: If the decode head is another one, or has no Cube kernels.
    """
    head = model.get('decode_head')
    if kind_of(head) != HEAD or not find_cubes(head):
        raise ValueError(f'the model has no {HEAD} with Cube kernels')
    given = head['conv_cfg']
    if isinstance(given, list | tuple):
        return list(given)
    default = inspect.signature(MODELS.get(HEAD)).parameters['widths'].default
    return [given] * len(head.get('widths', default))


def _is_empty_plugin(cfg: object) -> bool:
    return isinstance(cfg, Mapping) and 'cfg' in cfg and cfg['cfg'] is None
