"""Networks to be measured, and how: from configs, with random weights.

The routers get a random order, since a fresh one is the identity, which
deployment removes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_cube.analysis.complexity.configs import read_config
from mmseg_cube.analysis.complexity.count import without_weights
from mmseg_cube.analysis.operator_speed.candidates import LAYOUTS
from mmseg_cube.layers import learned_routers

INFERENCE = 'inference as trained'
DEPLOYED = 'inference deployed'
THROUGHPUT = 'throughput deployed'
TRAINING = 'training step'
TASKS = (INFERENCE, DEPLOYED, THROUGHPUT, TRAINING)


@dataclass(frozen=True)
class Setting:
    """How networks are measured.

    Attributes:
        size: Side of the square images, in pixels.
        batch: Images of throughput and training; the other tasks have one.
        dtype: float32, or bfloat16: then inference has its parameters and
            images in it, and training is autocast to it.
        layout: One of ``LAYOUTS``, of images and weights.
        device: Where to compute.
    """

    size: int = 512
    batch: int = 2
    dtype: torch.dtype = torch.float32
    layout: str = 'contiguous'
    device: torch.device = torch.device('cpu')

    def images(self, task: str) -> int:
        """Number of images that a task takes at once."""
        return self.batch if task in (THROUGHPUT, TRAINING) else 1

    def draw(self, task: str) -> Tensor:
        """Draw normalised images of shape (N, 3, size, size)."""
        shape = (self.images(task), 3, self.size, self.size)
        return self.place(torch.randn(shape))

    def place(self, it: Tensor | nn.Module) -> Tensor | nn.Module:
        """Bring a tensor or a module to the device and layout."""
        return it.to(self.device, memory_format=LAYOUTS[self.layout])


def read_configs(paths: Sequence[str | Path]) -> dict[str, Config]:
    """Read the configs of networks that are to be compared.

    Args:
        paths: Baseline, then others.

    Returns:
        Configs by the stem of their file, or by its path where two files
        have the same stem.

    Raises:
        ValueError: If there is nothing to compare, or a config cannot be
            read, has no network, or lacks what a training step needs.
    """
    if len(paths) < 2:
        raise ValueError(
            f'there is nothing to compare {paths[0]} with; name one or more '
            'other configs after it'
        )
    stems = [Path(path).stem for path in paths]
    names = stems if len(set(stems)) == len(stems) else list(map(str, paths))
    cfgs = {}
    for name, path in zip(names, paths, strict=True):
        if name in cfgs:
            raise ValueError(f'{name} is given twice')
        cfgs[name] = read_config(path)
        if 'optim_wrapper' not in cfgs[name]:
            raise ValueError(
                f'{path} has no optim_wrapper, which a training step needs'
            )
    return cfgs


def build_network(cfg: Config) -> BaseSegmentor:
    """Build the segmentor of a config with random weights, on the CPU.

    Raises:
        ValueError: If the model is no segmentor.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(ConfigDict(without_weights(cfg.model)))
    if not isinstance(model, BaseSegmentor):
        raise ValueError(
            f'{cfg.filename}: model must be a segmentor, such as '
            f'EncoderDecoder, but got {type(model).__name__}'
        )
    for router in learned_routers(model).values():
        for parameter in router.parameters():
            nn.init.normal_(parameter, std=0.1)
    # As mmengine's Runner does in a single process.
    return revert_sync_batchnorm(model)
