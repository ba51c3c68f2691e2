"""Whole networks against a baseline: inference, throughput and training.

Networks come from configs, with random weights. Their results are not
compared: baseline and Cube twin are different functions.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.models import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_cube.analysis.speed.comparison import (
    AS_TRAINED,
    DEPLOYED,
    MEMORY,
    THROUGHPUT,
    TRAINING,
    Profile,
    Setting,
)
from mmseg_cube.analysis.speed.profile import WHOLE, marked, time_modules
from mmseg_cube.layers import learned_routers, switch_to_deploy
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

# Goals of this project for ConvNeXt-T-U-Cube over ConvNeXt-T-U at 512 x 512,
# on 2 CPU cores and on a GPU; for other pairs they are a yardstick.
INFERENCE_BAR, TRAINING_BAR, MEMORY_BAR = 0.85, 0.90, 1.00
# The rest is about mixed precision, which is a setting here, and about
# accumulating gradients over several steps.
OPTIMISATION = ('constructor', 'optimizer', 'paramwise_cfg', 'clip_grad')


class Networks:
    """Networks of configs, as something to be measured.

    Args:
        paths: Configs of the baseline, then of others.
        depth: Depth of the modules to profile, such as 2 for
            ``backbone.layer1``.

    Attributes:
        cfgs: Configs by the stem of their file, or by its path where two
            files have the same stem.

    Raises:
        ValueError: If a config is given twice, cannot be read, has no
            network, or lacks what a training step needs.
    """

    tasks = (AS_TRAINED, DEPLOYED, THROUGHPUT, TRAINING)
    facts = {}

    def __init__(
        self, paths: Sequence[str | Path], depth: int | None = None
    ) -> None:
        self.cfgs, self.depth = {}, depth
        stems = [Path(path).stem for path in paths]
        alike = len(set(stems)) < len(stems)
        names = list(map(str, paths)) if alike else stems
        for name, path in zip(names, paths, strict=True):
            if name in self.cfgs:
                raise ValueError(f'{name} is given twice')
            self.cfgs[name] = read_config(path)
            if 'optim_wrapper' not in self.cfgs[name]:
                raise ValueError(
                    f'{path} has no optim_wrapper, which a training step needs'
                )
        self.references = dict.fromkeys(names, names[0])

    def build(self, task: str, setting: Setting) -> dict[str, Callable]:
        """Build what is measured, by the name of the network."""
        calls = {}
        for name, cfg in self.cfgs.items():
            if task == TRAINING:
                calls[name] = TrainingStep(cfg, setting)
            else:
                model = build_trained(cfg)
                if task != AS_TRAINED:
                    model = switch_to_deploy(model)
                calls[name] = pass_forward(model, setting)
        return calls

    def bar(
        self, setting: Setting, task: str, measure: str, name: str
    ) -> float:
        """Ratio to the baseline that should not be exceeded."""
        if measure == MEMORY:
            return MEMORY_BAR
        return TRAINING_BAR if task == TRAINING else INFERENCE_BAR

    def profile(self, setting: Setting) -> dict[str, Profile]:
        """Time the modules of networks as trained; inference of one image."""
        profiles, device = {}, setting.device
        for name, cfg in self.cfgs.items():
            model, step = build_trained(cfg), TrainingStep(cfg, setting)
            call = pass_forward(model, replace(setting, batch=1))
            inference, _ = time_modules(call, model, self.depth, device)
            passes = time_modules(step, step.model, self.depth, device)
            profiles[name] = {'inference': inference} | dict(
                zip(('forward', 'backward'), passes, strict=True)
            )
        return profiles


def build_trained(cfg: Config) -> BaseSegmentor:
    """Build a segmentor as if trained, with random weights, on the CPU.

    The routers get a random order, since a fresh one is the identity, which
    deployment removes.
    """
    model = build_network(cfg)
    for router in learned_routers(model).values():
        for parameter in router.parameters():
            nn.init.normal_(parameter, std=0.1)
    return model


def pass_forward(
    model: BaseSegmentor, setting: Setting
) -> Callable[[], Tensor]:
    """Make a forward pass in evaluation mode; a call returns the logits.

    On a GPU, a single image starts on an idle card, so that the time of
    launching counts as it does for whoever waits for the result.
    """
    images = setting.draw()
    forward = marked(WHOLE, setting.place(model))
    waits = setting.device.type == 'cuda' and setting.batch == 1

    @torch.inference_mode()
    def call() -> Tensor:
        if waits:
            torch.cuda.synchronize()
        return forward(images, mode='tensor')

    return call


class TrainingStep:
    """One step of training: losses, backward pass, optimizer.

    The optimizer is that of the config, with its clipping and its parameter
    groups, but at learning rate 0: random images and masks teach nothing,
    and a network that diverges could not be measured.

    Args:
        cfg: Config with ``model`` and ``optim_wrapper``.
        setting: How it is to be done. With bfloat16 it is autocast.
    """

    def __init__(self, cfg: Config, setting: Setting) -> None:
        self.setting = setting
        self.model = setting.place(build_trained(cfg), torch.float32)
        self.model.train()
        wrapper = copy.deepcopy(cfg.optim_wrapper)
        self.optim = build_optim_wrapper(
            self.model,
            ConfigDict({k: wrapper[k] for k in OPTIMISATION if k in wrapper}),
        )
        for group in self.optim.param_groups:
            group['lr'] = 0.0
        self.images = setting.draw(torch.float32)
        self.samples = [_draw_mask(setting) for _ in self.images]
        self.forward = marked(WHOLE, self.losses)

    def __call__(self) -> None:
        """Do the whole step."""
        self.optim.backward(self.forward())
        # Clips the gradients, moves the parameters.
        self.optim.step()
        self.optim.zero_grad()

    def losses(self) -> Tensor:
        """Forward pass and sum of the losses."""
        with torch.autocast(
            self.setting.device.type,
            torch.bfloat16,
            enabled=self.setting.dtype == torch.bfloat16,
        ):
            losses = self.model.loss(self.images, self.samples)
        return self.model.parse_losses(losses)[0]


def _draw_mask(setting: Setting) -> SegDataSample:
    shape = (setting.size, setting.size)
    mask = torch.randint(2, (1, *shape), device=setting.device)
    sample = SegDataSample(gt_sem_seg=PixelData(data=mask))
    sample.set_metainfo(dict(img_shape=shape, ori_shape=shape))
    return sample
