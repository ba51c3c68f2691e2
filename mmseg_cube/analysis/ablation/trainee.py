"""A network that is trained step by step, on a GPU as a CUDA graph."""

import time
from collections.abc import MutableMapping
from functools import partial

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, PARAM_SCHEDULERS
from mmengine.runner import set_random_seed
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Optimizer

from mmseg_cube.analysis.ablation.average import RunningAverage, average_of
from mmseg_cube.analysis.ablation.study import COOLING, Run
from mmseg_cube.analysis.ablation.variants import kind_of
from mmseg_cube.engine.pretrained_weights_hook import (
    find_missing,
    named_files,
)
from mmseg_cube.layers import ChannelRouter, learned_routers
from mmseg_cube.layers.assignment import assign
from mmseg_cube.utils.networks import load_weights

KIND = 'EncoderDecoder'
REFRESH = 10  # iterations between two looks at the orders of routers
WARM_UP = 3  # steps before one is recorded


class Trainee:
    """A network in training, on a batch that others train on as well."""

    def __init__(self, run: Run, images: Tensor, labels: Tensor) -> None:
        self.run, self.images, self.labels = run, images, labels
        cfg, device = run.cfg, images.device
        set_random_seed(run.seed)
        self.model = revert_sync_batchnorm(MODELS.build(cfg.model))
        other = cfg.model.get('type') != KIND or self.model.with_auxiliary_head
        other = other or self.model.decode_head.sampler is not None
        other = other or self.model.out_channels != 2
        if other or cfg.optim_wrapper.get('accumulative_counts', 1) != 1:
            raise ValueError(
                f'{run.name}: networks of type {KIND} of two logits, without '
                'auxiliary head and sampler, can be trained side by side, '
                'with a step on each batch; add --cfg-options '
                'model.auxiliary_head=None model.decode_head.sampler=None '
                'optim_wrapper.accumulative_counts=1, or name another config'
            )
        self.model.init_weights()
        for part in self.model.modules():
            for file in named_files(part, cfg.model):
                if missing := find_missing(part, file)[1]:
                    what = f'{len(missing)} weights that {file} has not'
                    print(f'Note: {run.name} begins with {what}')
        if cfg.get('load_from'):
            load_weights(self.model, cfg.load_from, cfg.filename)
        self.model.to(device).train()
        if (cfg.get('default_hooks') or {}).get('channels_last'):
            self.model.to(memory_format=torch.channels_last)
        wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.optimizer, self.clip = wrapper.optimizer, wrapper.clip_grad_kwargs
        _merge_groups(self.optimizer)
        iterations = cfg.train_cfg.max_iters
        self.rates = _learning_rates(self.optimizer, cfg).to(device)
        hook = next(h for h in cfg.custom_hooks if kind_of(h) == COOLING)
        at, places = HOOKS.build(hook).temperature, range(iterations)
        course = torch.tensor([at(i, iterations) for i in places])
        self.temperatures = course.to(device)
        self.losses = torch.zeros(iterations, device=device)
        self.place = torch.zeros(1, dtype=torch.long, device=device)
        self.routers = list(learned_routers(self.model).values())
        options = average_of(cfg)
        self.average = options and RunningAverage(self.model, options)
        self.graph = self.stream = None
        self.seconds = []  # of steps, where they follow each other
        if device.type == 'cuda':
            self._record()

    def step(self, iteration: int) -> None:
        """Train on the batch that is there now."""
        if self.graph is None:
            start = time.perf_counter()
            self._learn()
            self._keep()
            self.seconds.append(time.perf_counter() - start)
            return
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            if iteration % REFRESH == 0:
                for router in self.routers:
                    router.held.refresh()
            self.graph.replay()
            self._keep()

    def wait(self) -> None:
        """Have the batch stay until the network is done with it."""
        if self.stream is not None:
            torch.cuda.current_stream().wait_stream(self.stream)

    def finish(self) -> None:
        """Wait for the last step, and leave a network like any other."""
        self.wait()
        if self.average:
            self.average.apply()
        for router in self.routers:
            vars(router).pop('assigned', None)

    def _keep(self) -> None:
        if self.average:
            self.average.update()

    def _learn(self) -> None:
        """One iteration, without anything that waits for the device."""
        kind, head = self.images.device.type, self.model.decode_head
        take = partial(torch.index_select, dim=0, index=self.place)
        for group, rate in zip(
            self.optimizer.param_groups, take(self.rates)[0], strict=True
        ):
            _set(group, 'lr', rate)
        for router in self.routers:
            _set(vars(router), 'temperature', take(self.temperatures)[0])
        with torch.autocast(
            kind, torch.bfloat16, kind == 'cuda', cache_enabled=False
        ):
            logits = head(self.model.extract_feat(self.images))
        size = self.labels.shape[1:]
        logits = resize(
            logits.float(), size, None, 'bilinear', head.align_corners
        )
        kinds = head.loss_decode
        kinds = kinds if isinstance(kinds, nn.ModuleList) else [kinds]
        ignored = dict(ignore_index=head.ignore_index)
        loss = sum(kind(logits, self.labels, **ignored) for kind in kinds)
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip:
            clip_grad_norm_(self.model.parameters(), **self.clip)
        self.optimizer.step()
        self.losses.index_copy_(0, self.place, loss.detach()[None])
        self.place += 1

    def _record(self) -> None:
        """Record a step as a CUDA graph; the network stays as it is."""
        for group in self.optimizer.param_groups:
            lr = torch.tensor(0.0, device=self.images.device)
            group.update(lr=lr, capturable=True, foreach=False, fused=True)
        for router in self.routers:
            router.temperature = torch.ones((), device=self.images.device)
            router.held = HeldOrder(router)
        before = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.stream = torch.cuda.Stream()
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            for _ in range(WARM_UP):
                self._learn()
            self.model.load_state_dict(before)
            for state in self.optimizer.state.values():
                for value in state.values():
                    value.zero_()
            self.place.zero_()
            self.optimizer.zero_grad()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=self.stream):
            self._learn()


class HeldOrder:
    """Order and prices of a Sinkhorn router, found now and then."""

    def __init__(self, router: ChannelRouter) -> None:
        self.router = router
        if router.method == 'sinkhorn':
            self.order, self.prices = assign(router.logits)
            router.assigned = self

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Return them in place of :meth:`ChannelRouter.assigned`."""
        return self.order, self.prices

    def refresh(self) -> None:
        """Find them for the logits that are there now."""
        if self.router.method == 'sinkhorn':
            order, prices = assign(self.router.logits)
            self.order.copy_(order)
            self.prices.copy_(prices)


def _merge_groups(optimizer: Optimizer) -> None:
    """Join groups of equal options: mmengine makes one per parameter."""
    merged = {}
    for group in optimizer.param_groups:
        params = group.pop('params')
        merged.setdefault(repr(group), dict(group, params=[]))
        merged[repr(group)]['params'] += params
    optimizer.param_groups[:] = merged.values()


def _learning_rates(optimizer: Optimizer, cfg: Config) -> Tensor:
    """Learning rate of each iteration and group, by the config's schedule."""
    groups = [
        dict(params=[nn.Parameter(torch.zeros(()))], lr=group['lr'])
        for group in optimizer.param_groups
    ]
    stand_in = SGD(groups, lr=1.0)
    schedule = cfg.get('param_scheduler') or []
    schedule = schedule if isinstance(schedule, list) else [schedule]
    if any(step.get('by_epoch', True) for step in schedule):
        raise ValueError(
            f'{cfg.filename}: a schedule of epochs cannot be followed here. '
            'Set by_epoch=False in param_scheduler'
        )
    given, rates = dict(optimizer=stand_in), []
    steps = [PARAM_SCHEDULERS.build(s, default_args=given) for s in schedule]
    for _ in range(cfg.train_cfg.max_iters):
        rates.append([group['lr'] for group in stand_in.param_groups])
        stand_in.step()
        for step in steps:
            step.step()
    return torch.tensor(rates)


def _set(place: MutableMapping, key: str, value: Tensor) -> None:
    """Change a value; one that a CUDA graph reads stays where it is."""
    if isinstance(place[key], Tensor):
        place[key].copy_(value)
    else:
        place[key] = float(value)
