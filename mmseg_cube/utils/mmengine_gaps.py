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
from mmengine.runner import checkpoint
from torch import hub

from mmseg_cube.utils.checkpoints import CheckpointError

LAUNCHERS = ('pytorch', 'slurm', 'mpi')


def close_gaps() -> None:
    """Close all of them; called where our own commands start."""
    if get_device() == 'cpu':
        for launcher in LAUNCHERS:
            _wrap(dist_utils, f'_init_dist_{launcher}', _without_gpu)
    # All processes of a test write the same file of scores at the same time,
    # with their own times in it; now and then that leaves pieces of two.
    _wrap(logger_hook, 'dump', master_only)
    _wrap(checkpoint, 'load_url', _naming_the_file)


def _wrap(module: ModuleType, name: str, wrapper: Callable) -> None:
    """Wrap a function of a module, once."""
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
