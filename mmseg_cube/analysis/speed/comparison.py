"""What is measured, how, and what came out against a reference."""

import gc
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_cube.analysis.speed.rounds import (
    Spread,
    peak_memory,
    time_in_turns,
)

TIME, MEMORY = 'time', 'peak memory'
# What the operator does, and what whole networks do.
INFERENCE, STEP = 'inference', 'forward + backward'
AS_TRAINED = 'inference as trained'
DEPLOYED = 'inference deployed'
THROUGHPUT = 'throughput deployed'
TRAINING = 'training step'
ONE_IMAGE = (AS_TRAINED, DEPLOYED)  # whatever the batch
LAYOUTS = dict(
    contiguous=torch.contiguous_format, channels_last=torch.channels_last
)

Profile = dict[str, Counter]  # seconds by part, of each pass


@dataclass(frozen=True)
class Setting:
    """Input of shape (batch, channels, size, size), and how it is computed.

    ``layout`` is one of ``LAYOUTS``, of inputs and of weights.
    """

    size: int
    batch: int = 2
    channels: int = 3
    dtype: torch.dtype = torch.float32
    layout: str = 'contiguous'
    device: torch.device = torch.device('cpu')

    def draw(self, dtype: torch.dtype | None = None) -> Tensor:
        """Draw an input, or a gradient of the same shape."""
        shape = (self.batch, self.channels, self.size, self.size)
        return self.place(torch.randn(shape), dtype)

    def place(
        self, it: Tensor | nn.Module, dtype: torch.dtype | None = None
    ) -> Tensor | nn.Module:
        """Bring a tensor or a module to the device, layout and type."""
        layout = LAYOUTS[self.layout]
        return it.to(self.device, dtype or self.dtype, memory_format=layout)

    def __str__(self) -> str:
        return f'{self.channels} x {self.size}, {self.layout}'


@dataclass(frozen=True)
class Result:
    """One candidate, one task, and what of it was measured."""

    setting: Setting
    task: str
    measure: str  # TIME or MEMORY
    name: str
    reference: str  # what the ratio refers to; of a reference, itself
    value: Spread  # seconds, or bytes at the peak beyond what was held before
    ratio: Spread  # value over that of the reference in the same round
    bar: float | None = None  # ratio that should not be exceeded

    @property
    def is_reference(self) -> bool:
        """Whether others are compared with it."""
        return self.name == self.reference

    @property
    def passes(self) -> bool | None:
        """Whether the ratio keeps to its bar; None without one."""
        return None if self.bar is None else self.ratio.median <= self.bar

    def to_dict(self) -> dict:
        """Everything, for JSON."""
        setting = vars(self.setting) | dict(
            dtype=str(self.setting.dtype), device=str(self.setting.device)
        )
        return asdict(self) | dict(setting=setting, passes=self.passes)


def compare(
    subject: object, task: str, setting: Setting, repeats: int
) -> list[Result]:
    """Measure time and memory of all candidates doing one task.

    Args:
        subject: An ``Operator`` or ``Networks``. It says what each candidate
            is compared with (``references``), builds them as calls by name
            (``build``) and gives the ratio that one should keep to (``bar``).
        task: One of its ``tasks``.
        setting: How it is to be done.
        repeats: Rounds of timing; memory is exact and measured once.
    """
    if task in ONE_IMAGE:
        setting = replace(setting, batch=1)
    calls, device = subject.build(task, setting), setting.device
    samples = {TIME: time_in_turns(calls, repeats, device)}
    gc.collect()
    gc.freeze()  # not gone through again before every call
    samples[MEMORY] = {k: [peak_memory(x, device)] for k, x in calls.items()}
    gc.unfreeze()
    results = []
    for measure, by_name in samples.items():
        for name, sample in by_name.items():
            reference = subject.references.get(name, name)
            about = (setting, task, measure, name, reference)
            value = Spread.of(sample)
            ratio = Spread.of(np.divide(sample, by_name[reference]))
            bar = None
            if name != reference:
                bar = subject.bar(setting, task, measure, name)
            results.append(Result(*about, value, ratio, bar))
    return results


def compare_all(
    subject: object, settings: Sequence[Setting], repeats: int
) -> list[Result]:
    """Measure all tasks in all settings, and say how far it got."""
    results = []
    for setting in settings:
        for task in subject.tasks:
            print(f'{task}, {setting} ...', file=sys.stderr)
            results += compare(subject, task, setting, repeats)
    return results
