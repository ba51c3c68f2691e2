"""Training of a network that has to learn an order, with real hooks."""

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmseg_cube.layers import ChannelRouter

CHANNELS = 8


class Reverse(BaseModel):
    """Its loss is zero once the routers have reversed the channels."""

    def __init__(self, **router):
        super().__init__()
        self.first = ChannelRouter(CHANNELS, **router)
        self.second = ChannelRouter(CHANNELS, **router)
        # An optimiser wants a parameter, also if no order is learned.
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, inputs, mode='tensor'):
        found = self.first(inputs) + self.second(inputs) + 0 * self.bias
        return dict(loss=(found / 2 - inputs.flip(1)).pow(2).mean())


@pytest.fixture
def make_runner(tmp_path):
    """Build a runner of 8 iterations in a folder of ``tmp_path``."""

    def make(
        folder, *hooks, router=None, checkpoint=4, train_cfg=None, **options
    ):
        torch.manual_seed(0)
        data = [dict(inputs=torch.randn(CHANNELS, 4, 4)) for _ in range(16)]
        return Runner(
            model=Reverse(**(router or {})),
            work_dir=str(tmp_path / folder),
            default_scope='mmseg',
            randomness=dict(seed=0),
            experiment_name=f'{tmp_path.name} {folder}',
            train_dataloader=DataLoader(data, batch_size=2),
            train_cfg=train_cfg or dict(by_epoch=False, max_iters=8),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=20.0)),
            custom_hooks=list(hooks),
            default_hooks=dict(
                checkpoint=dict(
                    type='CheckpointHook', by_epoch=False, interval=checkpoint
                ),
                logger=dict(type='LoggerHook', interval=1),
            ),
            log_processor=dict(by_epoch=False),
            **options,
        )

    return make
