"""Gaps of mmengine that are closed from outside, each with its reason."""

from mmengine.config.utils import MODULE2PACKAGE
from mmengine.device import get_device
from mmengine.dist import utils as dist_utils
from torch import distributed as torch_dist


def announce_package() -> None:
    """Let ``get_config('mmseg_cube::...')`` find the packaged configs.

    mmengine looks packages up in a fixed table and offers no other way in.
    """
    MODULE2PACKAGE.setdefault('mmseg_cube', 'mmseg_cube')


def allow_processes_without_gpu() -> None:
    """Let ``--launcher pytorch`` work on a machine without a GPU.

    mmengine selects a CUDA device for every process, whatever the backend,
    which fails without a driver. Where there is a device, nothing changes.
    """
    if get_device() == 'cpu':
        dist_utils._init_dist_pytorch = _init_without_gpu


def _init_without_gpu(backend: str, **kwargs) -> None:
    if backend != 'gloo':
        raise ValueError(
            f'backend {backend!r} needs a GPU, but none was found. On CPUs '
            'add --cfg-options env_cfg.dist_cfg.backend=gloo'
        )
    kwargs.pop('init_backend', None)
    torch_dist.init_process_group(backend=backend, **kwargs)
