"""What is measured, how, and what came out against a reference."""

import gc
import sys
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_cube.analysis.speed import rounds
from mmseg_cube.analysis.speed.rounds import Spread

TIME, MEMORY, OPERATIONS = 'time', 'peak memory', 'operations'
LAYOUTS = dict(
    contiguous=torch.contiguous_format, channels_last=torch.channels_last
)


@dataclass(frozen=True)
class Setting:
    """Shape of the inputs, and how they and the weights are kept."""

    size: int
    batch: int = 2
    channels: int = 3
    dtype: torch.dtype = torch.float32
    layout: str = 'contiguous'  # or the engine, which has one of its own
    device: torch.device = torch.device('cpu')

    def draw(self) -> Tensor:
        """Draw an input, or a gradient of the same shape."""
        shape = (self.batch, self.channels, self.size, self.size)
        return self.place(torch.randn(shape))

    def place(self, it: Tensor | nn.Module) -> Tensor | nn.Module:
        """Bring a tensor or a module to the device, layout and type."""
        layout = LAYOUTS.get(self.layout, torch.contiguous_format)
        return it.to(self.device, self.dtype, memory_format=layout)

    def __str__(self) -> str:
        return f'{self.channels} x {self.size}, {self.layout}'


@dataclass(frozen=True)
class Result:
    """One candidate, one task, and what of it was measured."""

    setting: Setting
    task: str
    measure: str  # TIME, MEMORY or OPERATIONS
    name: str
    reference: str  # what the ratio refers to; of a reference, itself
    # Seconds, bytes at the peak beyond what was held before, or a number.
    value: Spread
    ratio: Spread  # value over that of the reference in the same round

    @property
    def place(self) -> str:
        """What candidates stand beside each other for."""
        return f'{self.task}, {self.setting}'

    def to_dict(self) -> dict:
        """Everything, for JSON."""
        about = {x: str(getattr(self.setting, x)) for x in ('dtype', 'device')}
        return asdict(self) | dict(setting=vars(self.setting) | about)


def compare(
    subject: object, task: str, setting: Setting, repeats: int
) -> list[Result]:
    """Measure what all candidates take for one task.

    The subject, an ``Operator`` or ``Networks``, builds them as calls by name
    (``build``), says what each is compared with (``references``), and which
    tasks take one image whatever the batch (``one_image``). Memory is exact
    and measured once, if it is torch's (``counts_memory``), and
    ``operations`` are those of one image.
    """
    if task in subject.one_image:
        setting = replace(setting, batch=1)
    print(f'{task}, {setting} ...', file=sys.stderr)
    calls, device = subject.build(task, setting), setting.device
    samples = {TIME: rounds.time_in_turns(calls, repeats, device)}
    samples |= {OPERATIONS: subject.operations(setting), MEMORY: {}}
    gc.collect()
    gc.freeze()  # not gone through again before every call
    for name, call in calls.items() if subject.counts_memory else ():
        samples[MEMORY][name] = [rounds.peak_memory(call, device)]
    gc.unfreeze()
    results = []
    for measure, by_name in samples.items():
        for name, sample in by_name.items():
            reference = subject.references.get(name, name)
            about = (setting, task, measure, name, reference)
            ratio = Spread.of(np.divide(sample, by_name[reference]))
            results.append(Result(*about, Spread.of(sample), ratio))
    return results
