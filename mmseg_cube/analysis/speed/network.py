"""Whole networks against a baseline: inference, throughput and training.

Networks come from configs, with random weights. Their results are not
compared: baseline and Cube twin are different functions. Parameters are
float32; with bfloat16 all passes are autocast, as in mixed precision.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.models import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_cube.analysis.complexity.count import count_network
from mmseg_cube.analysis.speed.comparison import Setting
from mmseg_cube.layers import learned_routers, switch_to_deploy
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

AS_TRAINED, DEPLOYED = 'inference as trained', 'inference deployed'
THROUGHPUT, TRAINING = 'throughput deployed', 'training step'
# The rest is about mixed precision, which is a setting here, and about
# accumulating gradients over several steps.
OPTIMISATION = ('constructor', 'optimizer', 'paramwise_cfg', 'clip_grad')


class Networks:
    """Networks of configs, named by stem; the first is the baseline."""

    tasks = (AS_TRAINED, DEPLOYED, THROUGHPUT, TRAINING)
    one_image, counts_memory = (AS_TRAINED, DEPLOYED), True
    facts = {}

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.cfgs = {}
        stems = {Path(path).stem for path in paths}
        for path in map(Path, paths):
            name = path.stem if len(stems) == len(paths) else str(path)
            if name in self.cfgs:
                raise ValueError(f'{name} is given twice')
            self.cfgs[name] = read_config(path)
            if 'optim_wrapper' not in self.cfgs[name]:
                raise ValueError(
                    f'{path} has no optim_wrapper, which a training step needs'
                )
        self.references = dict.fromkeys(self.cfgs, next(iter(self.cfgs)))

    def build(self, task: str, setting: Setting) -> dict[str, Callable]:
        """Build what is measured of networks that are as if trained."""
        calls = {}
        plain = replace(setting, dtype=torch.float32)
        for name, cfg in self.cfgs.items():
            model, images = build_network(cfg), plain.draw()
            # A fresh router is the identity, which deployment removes.
            for router in learned_routers(model).values():
                for parameter in router.parameters():
                    nn.init.normal_(parameter, std=0.1)
            if task in (DEPLOYED, THROUGHPUT):
                model = switch_to_deploy(model)
            args = plain.place(model), images, setting
            train = task == TRAINING
            step = TrainingStep(*args, cfg) if train else partial(infer, *args)
            calls[name] = step
        return calls

    def operations(self, setting: Setting) -> dict[str, list[int]]:
        """Count those of every network as trained, for one image."""
        return {
            name: [count_network(cfg, setting.size).flops]
            for name, cfg in self.cfgs.items()
        }


@torch.inference_mode()
def infer(model: BaseSegmentor, images: Tensor, setting: Setting) -> Tensor:
    """Pass images through a network and return the logits.

    On a GPU, a single image starts on an idle card, so that the time of
    launching counts as it does for whoever waits for the result.
    """
    if images.is_cuda and len(images) == 1:
        torch.cuda.synchronize()
    with _autocast(setting):
        return model(images, mode='tensor')


class TrainingStep:
    """One step of training: losses, backward pass, optimizer.

    The optimizer is that of the config, with its clipping and its parameter
    groups, but at learning rate 0: random images and masks teach nothing,
    and a network that diverges could not be measured.
    """

    def __init__(
        self, model: nn.Module, images: Tensor, setting: Setting, cfg: Config
    ) -> None:
        self.model, self.images, self.setting = model, images, setting
        model.train()
        wrapper = cfg.optim_wrapper.to_dict()
        kept = {k: v for k, v in wrapper.items() if k in OPTIMISATION}
        self.optim = build_optim_wrapper(model, ConfigDict(kept))
        for group in self.optim.param_groups:
            group['lr'] = 0.0
        shape = (setting.size, setting.size)
        sizes = dict(img_shape=shape, ori_shape=shape)
        masks = torch.randint(2, (len(images), 1, *shape)).to(images.device)
        self.samples = [
            SegDataSample(metainfo=sizes, gt_sem_seg=PixelData(data=mask))
            for mask in masks
        ]

    def __call__(self) -> None:
        """Do the whole step."""
        with _autocast(self.setting):
            losses = self.model.loss(self.images, self.samples)
        self.optim.update_params(self.model.parse_losses(losses)[0])


def _autocast(setting: Setting) -> torch.autocast:
    half = setting.dtype == torch.bfloat16
    return torch.autocast(setting.device.type, torch.bfloat16, enabled=half)
