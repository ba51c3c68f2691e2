"""What is measured of a network: inference and training steps, as calls.

Results are not compared: baseline and Cube twin are different functions.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial

import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.models import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_cube.analysis.network_speed.candidates import (
    INFERENCE,
    TRAINING,
    Setting,
    build_network,
)
from mmseg_cube.layers import switch_to_deploy

# The rest is about mixed precision, which is a setting here, and about
# accumulating gradients over several steps.
OPTIMISATION = ('constructor', 'optimizer', 'paramwise_cfg', 'clip_grad')


def build_calls(
    cfgs: Mapping[str, Config], task: str, setting: Setting
) -> dict[str, Callable[[], object]]:
    """Build what is measured, by the name of the network.

    Args:
        cfgs: Configs by name.
        task: One of ``TASKS``.
        setting: How it is to be done.
    """
    if task == TRAINING:
        return {name: TrainingStep(cfg, setting) for name, cfg in cfgs.items()}
    return {
        name: inference_call(build_network(cfg), task, setting)
        for name, cfg in cfgs.items()
    }


def inference_call(
    model: BaseSegmentor, task: str, setting: Setting
) -> Callable[[], Tensor]:
    """Forward pass in evaluation mode; the call returns the logits.

    On a GPU, a single image starts on an idle card, so that the time of
    launching counts as it does for whoever waits for the result.
    """
    # Not chained: mmpretrain's ConvNeXt.train returns nothing.
    model.eval()
    if task != INFERENCE:
        model = switch_to_deploy(model)
    model = setting.place(model).to(setting.dtype)
    images = setting.draw(task).to(setting.dtype)
    call = torch.inference_mode()(partial(model, images, mode='tensor'))
    waits = setting.device.type == 'cuda' and setting.images(task) == 1
    return partial(_on_idle_card, call) if waits else call


class TrainingStep:
    """One step of training: losses, backward pass, optimizer.

    The optimizer is that of the config, with its clipping and its parameter
    groups, but at learning rate 0: random images and masks teach nothing,
    and a network that diverges could not be measured.

    Args:
        cfg: Config with ``model`` and ``optim_wrapper``.
        setting: How it is to be done.
    """

    def __init__(self, cfg: Config, setting: Setting) -> None:
        self.setting = setting
        self.model = setting.place(build_network(cfg))
        self.model.train()
        wrapper = copy.deepcopy(cfg.optim_wrapper)
        self.optim = build_optim_wrapper(
            self.model,
            ConfigDict({k: wrapper[k] for k in OPTIMISATION if k in wrapper}),
        )
        for group in self.optim.param_groups:
            group['lr'] = 0.0
        self.images = setting.draw(TRAINING)
        self.samples = [_draw_mask(setting) for _ in self.images]

    def __call__(self) -> None:
        """Do the whole step."""
        self.backward(self.losses())
        self.update()

    def losses(self) -> Tensor:
        """Forward pass and sum of the losses."""
        with torch.autocast(
            self.setting.device.type,
            torch.bfloat16,
            enabled=self.setting.dtype == torch.bfloat16,
        ):
            losses = self.model.loss(self.images, self.samples)
        return self.model.parse_losses(losses)[0]

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients."""
        self.optim.backward(loss)

    def update(self) -> None:
        """Clip the gradients, move the parameters, free the gradients."""
        self.optim.step()
        self.optim.zero_grad()


def _draw_mask(setting: Setting) -> SegDataSample:
    shape = (setting.size, setting.size)
    mask = torch.randint(2, (1, *shape), device=setting.device)
    sample = SegDataSample(gt_sem_seg=PixelData(data=mask))
    sample.set_metainfo(dict(img_shape=shape, ori_shape=shape))
    return sample


def _on_idle_card(call: Callable[[], Tensor]) -> Tensor:
    torch.cuda.synchronize()
    return call()
