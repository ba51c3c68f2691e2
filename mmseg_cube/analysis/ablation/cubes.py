"""Where the ``model`` of a config speaks of Cube kernels.

Options of Cube kernels stand in dicts of type ``CubeConv2d`` and
``CubeKernelBlock``, and in ``replace`` and ``insert`` of a ``CubeBackbone``.
"""

from collections.abc import Callable, Mapping

LAYERS = ('CubeConv2d', 'CubeKernelBlock')
BACKBONE = 'CubeBackbone'
ENTRIES = ('replace', 'insert')  # of that backbone

Cfg = dict[str, object]


def kind_of(cfg: object) -> str:
    """Name of the type of a config, without its scope; '' for others."""
    if not isinstance(cfg, Mapping):
        return ''
    return str(cfg.get('type', '')).rpartition('.')[2]


def change_cubes(cfg: object, change: Callable[[Cfg], Cfg]) -> object:
    """Copy a part of a config with other options of its Cube kernels.

    Args:
        cfg: ``model``, or a part of it.
        change: Gets a copy of each dict of options, returns what takes its
            place.
    """
    if kind_of(cfg) in LAYERS:
        return change(dict(cfg))
    if isinstance(cfg, list | tuple):
        return type(cfg)(change_cubes(item, change) for item in cfg)
    if not isinstance(cfg, Mapping):
        return cfg
    copied = {key: change_cubes(value, change) for key, value in cfg.items()}
    if kind_of(cfg) == BACKBONE:
        for entry in ENTRIES:
            if cfg.get(entry) is not None:
                copied[entry] = change(dict(cfg[entry]))
    return copied


def find_cubes(cfg: object) -> list[Cfg]:
    """List the options of all Cube kernels."""
    found = []

    def note(options: Cfg) -> Cfg:
        found.append(options)
        return options

    change_cubes(cfg, note)
    return found


def without_cubes(cfg: object) -> object:
    """Copy a part of a config as that of the plain baseline.

    Convolutions become plain ones, a ``CubeBackbone`` the backbone in it,
    and plugins that are Cube kernels are left out.
    """
    if kind_of(cfg) in LAYERS:
        return None
    if isinstance(cfg, list | tuple):
        return type(cfg)(
            without_cubes(item) for item in cfg if not _is_plugin(item)
        )
    if not isinstance(cfg, Mapping):
        return cfg
    if kind_of(cfg) == BACKBONE:
        given = {
            key: cfg[key]
            for key in ('init_cfg', 'pretrained')
            if cfg.get(key) is not None
        }
        return without_cubes({**cfg['backbone'], **given})
    return {key: without_cubes(value) for key, value in cfg.items()}


def _is_plugin(cfg: object) -> bool:
    return isinstance(cfg, Mapping) and kind_of(cfg.get('cfg')) in LAYERS
