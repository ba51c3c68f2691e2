"""Gaps of mmengine that are closed from outside, each with its reason."""

import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from unittest import mock
from urllib.parse import urlparse

from mmengine.device import get_device
from mmengine.dist import master_only
from mmengine.dist import utils as dist_utils
from mmengine.hooks import logger_hook
from mmengine.runner import Runner, checkpoint
from torch import hub

from mmseg_cube.utils.checkpoints import CheckpointError

LAUNCHERS = ('pytorch', 'slurm', 'mpi')
# Hooks that a run has of itself, and goes without where they are None.
OWN_HOOKS = {'runtime_info', 'timer', 'sampler_seed', 'logger'}
OWN_HOOKS |= {'param_scheduler', 'checkpoint'}


def close_gaps() -> None:
    """Close all of them; called where our own commands start."""
    if get_device() == 'cpu':
        for launcher in LAUNCHERS:
            _wrap(dist_utils, f'_init_dist_{launcher}', _without_gpu)
    # All processes of a test write the same file of scores at the same time,
    # with their own times in it; now and then that leaves pieces of two.
    _wrap(logger_hook, 'dump', master_only)
    _wrap(checkpoint, 'load_url', _naming_the_file)
    _wrap(Runner, 'register_default_hooks', _without_none)


def _wrap(module: ModuleType | type, name: str, wrapper: Callable) -> None:
    """Wrap a function of a module or class, once."""
    function = getattr(module, name)
    if not hasattr(function, '__wrapped__'):
        setattr(module, name, functools.wraps(function)(wrapper(function)))


def _without_gpu(init: Callable) -> Callable:
    """Let ``--launcher`` work on a machine without a GPU.

    mmengine selects a CUDA device for every process, whatever the launcher
    and the backend, which fails without a driver.
    """

    def start(backend: str, **kwargs) -> None:
        if backend != 'gloo':
            raise ValueError(
                f'backend {backend!r} needs a GPU, but none was found. On '
                'CPUs add --cfg-options env_cfg.dist_cfg.backend=gloo'
            )
        with mock.patch('torch.cuda.set_device'):
            init(backend, **kwargs)

    return start


def _without_none(register: Callable) -> Callable:
    """Let ``default_hooks.ema=None`` leave out the hook of a config.

    mmengine takes None for its own hooks only, and asserts that others are
    something.
    """

    def register_some(runner: Runner, hooks: dict | None = None) -> None:
        given = (hooks or {}).items()
        own = {k: v for k, v in given if v is not None or k in OWN_HOOKS}
        register(runner, own)

    return register_some


def _naming_the_file(load: Callable) -> Callable:
    """Say which file of weights cannot be fetched, and where it belongs."""

    def load_named(url: str, *args, **kwargs) -> object:
        try:
            return load(url, *args, **kwargs)
        except OSError as error:
            name = Path(urlparse(url).path).name
            raise CheckpointError(
                f'{url} cannot be fetched: {error}. Download it elsewhere and '
                f'put it at {Path(hub.get_dir(), "checkpoints", name)}'
            ) from error

    return load_named
