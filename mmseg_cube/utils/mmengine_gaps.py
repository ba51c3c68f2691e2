"""Gaps of mmengine that are closed from outside, each with its reason."""

import functools
from collections.abc import Callable
from pathlib import Path
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
    allow_processes_without_gpu()
    write_scores_once()
    name_what_cannot_be_fetched()


def allow_processes_without_gpu() -> None:
    """Let ``--launcher`` work on a machine without a GPU.

    mmengine selects a CUDA device for every process, whatever the launcher
    and the backend, which fails without a driver. Where there is a device,
    nothing changes.
    """
    if get_device() != 'cpu':
        return
    for launcher in LAUNCHERS:
        name = f'_init_dist_{launcher}'
        init = getattr(dist_utils, name)
        if not hasattr(init, '__wrapped__'):
            setattr(dist_utils, name, _without_gpu(init))


def write_scores_once() -> None:
    """Let only one of several processes write the scores of a test.

    All processes of mmengine write the same file at the same time, with
    their own times in it; now and then that leaves pieces of two.
    """
    if not hasattr(logger_hook.dump, '__wrapped__'):
        logger_hook.dump = master_only(logger_hook.dump)


def name_what_cannot_be_fetched() -> None:
    """Say which file of weights is missing, and where it belongs.

    On a machine without internet there is nothing but "urlopen error".
    """
    if not hasattr(checkpoint.load_url, '__wrapped__'):
        checkpoint.load_url = _named(checkpoint.load_url)


def _named(load: Callable) -> Callable:
    @functools.wraps(load)
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


def _without_gpu(init: Callable) -> Callable:
    @functools.wraps(init)
    def start(backend: str, **kwargs) -> None:
        if backend != 'gloo':
            raise ValueError(
                f'backend {backend!r} needs a GPU, but none was found. On '
                'CPUs add --cfg-options env_cfg.dist_cfg.backend=gloo'
            )
        with mock.patch('torch.cuda.set_device'):
            init(backend, **kwargs)

    return start
