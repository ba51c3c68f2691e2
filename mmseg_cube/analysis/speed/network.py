"""Whole networks against a baseline: inference, throughput and training.

Networks come from configs, with random weights. Their results are not
compared: baseline and Cube twin are different functions.
"""

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
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
from torch.profiler import record_function

from mmseg_cube.analysis.speed.comparison import (
    AS_TRAINED,
    DEPLOYED,
    MEMORY,
    THROUGHPUT,
    TRAINING,
    Result,
    Setting,
    compare,
)
from mmseg_cube.analysis.speed.profile import WHOLE, by_module
from mmseg_cube.layers import ChannelRouter, switch_to_deploy
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

TASKS = (AS_TRAINED, DEPLOYED, THROUGHPUT, TRAINING)
# Goals of this project for ConvNeXt-T-U-Cube over ConvNeXt-T-U at 512 x 512,
# on 2 CPU cores and on a GPU; for other pairs they are a yardstick.
INFERENCE_BAR, TRAINING_BAR, MEMORY_BAR = 0.85, 0.90, 1.00
UPDATE = 'optimizer'
# The rest is about mixed precision, which is a setting here, and about
# accumulating gradients over several steps.
OPTIMISATION = ('constructor', 'optimizer', 'paramwise_cfg', 'clip_grad')


def read_networks(paths: Sequence[str | Path]) -> dict[str, Config]:
    """Read the configs of networks that are to be compared.

    Args:
        paths: Baseline, then others.

    Returns:
        Configs by the stem of their file, or by its path where two files
        have the same stem.

    Raises:
        ValueError: If a config is given twice, cannot be read, has no
            network, or lacks what a training step needs.
    """
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


def measure_networks(
    cfgs: Mapping[str, Config],
    settings: Sequence[Setting],
    repeats: int = 20,
    depth: int | None = None,
) -> tuple[list[Result], dict[str, dict[str, tuple[float, ...]]]]:
    """Measure networks in all tasks and in several settings.

    Args:
        cfgs: Configs by name; the first is the baseline.
        settings: How it is to be done, such as in each layout.
        repeats: Rounds of timing.
        depth: Depth of the modules to time; None times none.

    Returns:
        All results, and what :func:`profile_network` found, by title.
    """
    results, profiles = [], {}
    for setting in settings:
        for task in TASKS:
            print(f'{task}, {setting.layout} ...', file=sys.stderr)
            results += compare_networks(cfgs, task, setting, repeats)
        for name, cfg in cfgs.items() if depth else ():
            title = f'{name}, {setting.layout}: modules in ms'
            print(f'{title} ...', file=sys.stderr)
            profiles[title] = profile_network(cfg, setting, depth)
    return results, profiles


def compare_networks(
    cfgs: Mapping[str, Config], task: str, setting: Setting, repeats: int = 20
) -> list[Result]:
    """Measure time and memory of networks doing one task.

    Args:
        cfgs: Configs by name; the first is the baseline.
        task: One of ``TASKS``.
        setting: How it is to be done. Its batch is that of throughput and
            training; the other tasks take one image.
        repeats: Rounds of timing.
    """
    if task in (AS_TRAINED, DEPLOYED):
        setting = replace(setting, batch=1)
    build = TrainingStep if task == TRAINING else partial(inference, task)
    calls = {name: build(cfg, setting) for name, cfg in cfgs.items()}
    references = dict.fromkeys(cfgs, next(iter(cfgs)))
    bar = partial(bar_of, task)
    return compare(calls, task, setting, repeats, references, bar)


def bar_of(task: str, name: str, measure: str) -> float:
    """Ratio to the baseline that should not be exceeded."""
    if measure == MEMORY:
        return MEMORY_BAR
    return TRAINING_BAR if task == TRAINING else INFERENCE_BAR


def profile_network(
    cfg: Config, setting: Setting, depth: int
) -> dict[str, tuple[float, float, float]]:
    """Time the modules of a network as trained.

    Args:
        cfg: Config with ``model`` and ``optim_wrapper``.
        setting: How it is to be done; inference takes one image.
        depth: Depth of the modules to time.

    Returns:
        Seconds of inference, and of the forward and the backward pass of a
        training step, by name of the module. The whole comes first, the
        optimizer, in place of a forward pass, last.
    """
    model = build_trained(cfg)
    call = pass_forward(model, replace(setting, batch=1))
    inference, _ = by_module(call, model, depth, setting.device)
    step = TrainingStep(cfg, setting)
    forward, backward = by_module(step, step.model, depth, setting.device)
    names = WHOLE, *dict(step.model.named_modules()), UPDATE
    return {
        name: (inference[name], forward[name], backward[name])
        for name in names
        if name in forward
    }


def build_trained(cfg: Config) -> BaseSegmentor:
    """Build the segmentor of a config with random weights, on the CPU.

    The routers get a random order, since a fresh one is the identity, which
    deployment removes.

    Raises:
        ValueError: If it cannot be built, or is no segmentor.
    """
    model = build_network(cfg)
    for router in model.modules():
        if isinstance(router, ChannelRouter):
            for parameter in router.parameters():
                nn.init.normal_(parameter, std=0.1)
    return model


def inference(
    task: str, cfg: Config, setting: Setting
) -> Callable[[], Tensor]:
    """Forward pass in evaluation mode; the call returns the logits.

    On a GPU, a single image starts on an idle card, so that the time of
    launching counts as it does for whoever waits for the result.
    """
    model = build_trained(cfg)
    if task != AS_TRAINED:
        model = switch_to_deploy(model)
    return pass_forward(model, setting)


def pass_forward(
    model: BaseSegmentor, setting: Setting
) -> Callable[[], Tensor]:
    """Forward pass of a network, as :func:`inference` times it."""
    images = setting.draw()
    model = setting.place(model)
    waits = setting.device.type == 'cuda' and setting.batch == 1

    @torch.inference_mode()
    def call() -> Tensor:
        if waits:
            torch.cuda.synchronize()
        with record_function(WHOLE):
            return model(images, mode='tensor')

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

    def __call__(self) -> None:
        """Do the whole step."""
        with record_function(WHOLE):
            loss = self.losses()
        self.optim.backward(loss)
        with record_function(UPDATE):
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
