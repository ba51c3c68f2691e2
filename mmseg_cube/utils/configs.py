"""Reading configs: one way for all commands."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from inspect import signature
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_cube.utils.words import not_found

NEXT = 'correct the path; configs end in .py'
NEEDS_WORKERS = dict(persistent_workers=False, prefetch_factor=None)
UNSAID = {'randomness.seed': 0, 'train_cfg.val_begin': 1}  # may be left out
# Settings that are read besides the arguments of a Runner.
READ = 'data_root tta_model tta_pipeline test_pipeline custom_imports '
READ += 'runner_type strategy model_wrapper_cfg find_unused_parameters '
READ += 'sync_bn compile activation_checkpointing efficient_conv_bn_eval'


def read_config(
    path: str | Path, options: Mapping[str, object] | None = None
) -> Config:
    """Read a config that has a network.

    Options replace settings of the file, by dotted name, as ``--cfg-options``
    gives them; ``data_root`` is that of all datasets. A ValueError says that
    there is no such file, that it cannot be read, has no ``model``, or no
    place for an option.
    """
    if not Path(path).is_file():
        raise ValueError(not_found('config', path, NEXT))
    try:
        cfg = Config.fromfile(path)
    except (Exception, SystemExit) as error:  # a config is a program
        raise ValueError(
            f'{path} cannot be read as a config: {_reason(error)}'
        ) from error
    try:
        _check_options(cfg, options := dict(options or {}))
        cfg.merge_from_dict(options | implied(cfg, options))
    except Exception as error:  # mmengine raises and asserts all kinds
        raise ValueError(
            f'--cfg-options do not fit {path}: {_reason(error)}'
        ) from error
    if not isinstance(cfg.get('model'), Mapping):
        raise ValueError(f'{path} has no model; name the config of a network')
    if (cfg.get('train_cfg') or {}).get('val_interval') == 0:
        raise ValueError(
            f'{path}: train_cfg.val_interval=0 is no distance between '
            'validations; give 1 or more'
        )
    return cfg


def implied(cfg: Config, options: Mapping[str, object]) -> dict[str, object]:
    """Settings that go with options, or with what a file says.

    ``data_root`` stands for that of all datasets. Loaders without workers
    have none to keep, nor any that would fetch ahead.
    """
    found = {}
    loaders = [x for x in cfg if x.endswith('_dataloader')]
    for name in (x for x in loaders if options.get(x, cfg[x])):
        root = f'{name}.dataset.data_root'
        if 'data_root' in options and root not in options:
            found[root] = options['data_root']
        workers = f'{name}.num_workers'
        if not options.get(workers, cfg[name].get('num_workers')):
            for key, off in NEEDS_WORKERS.items():
                found[f'{name}.{key}'] = off
    return found


def without_weights(cfg: object) -> object:
    """Copy a part of a config without the weights that it would load.

    How parts are initialised otherwise stays.
    """
    if isinstance(cfg, Mapping):
        copied = {
            key: without_weights(value)
            for key, value in cfg.items()
            if key != 'pretrained' and not _loads(value)
        }
        if _loads_when_built(cfg):
            copied['pretrained'] = False
        return copied
    if isinstance(cfg, list | tuple):
        return type(cfg)(without_weights(x) for x in cfg if not _loads(x))
    return cfg


def weights_of(cfg: object, name: str) -> Iterator[tuple[str, str]]:
    """Options of a config that name weights to load, and their files.

    Args:
        cfg: Part of a config.
        name: Its option, such as ``model``.
    """
    for place, part in _walk(cfg, name):
        overlay = part.get('pretrained_cfg_overlay') or {}
        named = {'pretrained': part.get('pretrained', True)}
        if named['pretrained'] is True:
            named['pretrained_cfg_overlay.file'] = overlay.get('file')
        if _loads(part):
            named['checkpoint'] = part.get('checkpoint')
        for key, file in named.items():
            if isinstance(file, str):
                yield f'{place}.{key}', file


def loaded_when_built(cfg: object, name: str) -> Iterator[str]:
    """Options of a config whose False keeps timm from loading weights.

    All other weights are loaded when a training starts.
    """
    for place, part in _walk(cfg, name):
        if _loads_when_built(part):
            yield f'{place}.pretrained'


def _walk(cfg: object, name: str) -> Iterator[tuple[str, Mapping]]:
    """Go through all dicts of a config, with their options."""
    items = enumerate(cfg) if isinstance(cfg, list | tuple) else ()
    if isinstance(cfg, Mapping):
        yield name, cfg
        items = cfg.items()
    for key, value in items:
        yield from _walk(value, f'{name}.{key}')


def _loads_when_built(cfg: object) -> bool:
    # This one fetches weights when it is built, unless it is told not to.
    is_part = isinstance(cfg, Mapping)
    return is_part and str(cfg.get('type')).endswith('TIMMBackbone')


def _loads(cfg: object) -> bool:
    return isinstance(cfg, Mapping) and cfg.get('type') == 'Pretrained'


def _check_options(cfg: Config, options: Mapping[str, object]) -> None:
    """Refuse what nothing would read, and what is no dict in place of one.

    Lines of a file that name a variable were followed when it was read.
    """
    known = [*signature(Runner).parameters, *READ.split()]
    for name, value in options.items():
        place, first = cfg, name.partition('.')[0]
        if first not in known:
            near = get_close_matches(first, known, 1)
            advice = f'did you mean {near[0]}?' if near else 'correct it'
            if first in cfg:
                advice = 'it is a variable of the file; name what it went into'
            raise ValueError(f'{name} would change nothing: {advice}')
        for key in name.split('.'):
            is_list = isinstance(place, list | tuple)
            place = place[int(key)] if is_list else place.get(key)
            if place is None:
                break
        place = UNSAID.get(name) if place is None else place
        if isinstance(place, Mapping) and isinstance(value, str | int | float):
            raise TypeError(f'{name} is a dict, which {value!r} is not')
        wanted, given = (
            set(map(type, x)) if isinstance(x, list | tuple) else {type(x)}
            for x in (place, value)
        )
        if str in given and {int, float} >= wanted != set():
            what = 'a number' if type(place) in wanted else 'of numbers'
            raise TypeError(f'{name} is {what}, which {value!r} is not')


def _reason(error: BaseException) -> str:
    """Say in one line what went wrong; a KeyError says only a key."""
    text = ' '.join(str(error).split()) or 'no reason given'
    return f'{type(error).__name__}: {text}'
