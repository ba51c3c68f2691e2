"""What is measured, how, and what came out against a reference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_cube.analysis.speed.rounds import (
    Call,
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
LAYOUTS = dict(
    contiguous=torch.contiguous_format, channels_last=torch.channels_last
)


@dataclass(frozen=True)
class Setting:
    """Input of shape (batch, channels, size, size), and how it is computed.

    Attributes:
        size: Height and width.
        batch: Number of images.
        channels: Number of channels.
        dtype: Type of the computation.
        layout: One of ``LAYOUTS``, of inputs and weights.
        device: Where to compute.
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


@dataclass(frozen=True)
class Result:
    """One candidate, one task, and what of it was measured.

    Attributes:
        setting: How it was measured.
        task: What it did.
        measure: ``TIME`` or ``MEMORY``.
        name: The candidate; a reference has itself as reference.
        reference: What the ratio refers to.
        value: Seconds, or bytes needed at the peak beyond what was held
            before, such as parameters and the optimizer's state.
        ratio: Value over that of the reference in the same round.
        bar: Ratio that should not be exceeded, if there is one.
    """

    setting: Setting
    task: str
    measure: str
    name: str
    reference: str
    value: Spread
    ratio: Spread
    bar: float | None = None

    @property
    def is_reference(self) -> bool:
        """Whether others are compared with it."""
        return self.name == self.reference

    @property
    def passes(self) -> bool | None:
        """Whether the ratio keeps to its bar; None without one."""
        return None if self.bar is None else self.ratio.median <= self.bar

    @property
    def verdict(self) -> str:
        """The bar and whether it is kept, such as '0.85 pass'."""
        if self.bar is None:
            return ''
        return f'{self.bar:.2f} {"pass" if self.passes else "miss"}'

    def to_dict(self) -> dict:
        """Everything but what all results of a run share, for JSON."""
        return dict(
            name=self.name,
            reference=self.reference,
            task=self.task,
            measure=self.measure,
            channels=self.setting.channels,
            size=self.setting.size,
            batch=self.setting.batch,
            layout=self.setting.layout,
            unit='bytes' if self.measure == MEMORY else 'seconds',
            value=self.value._asdict(),
            ratio=self.ratio._asdict(),
            bar=self.bar,
            passes=self.passes,
        )


def compare(
    calls: Mapping[str, Call],
    task: str,
    setting: Setting,
    repeats: int,
    references: Mapping[str, str],
    bar_of: Callable[[str, str], float | None],
) -> list[Result]:
    """Measure time and memory of calls that take turns.

    Args:
        calls: Candidates by name.
        task: What they do.
        setting: How they do it.
        repeats: Rounds of timing; memory is exact and measured once.
        references: What each candidate is compared with; those that are not
            named here are references themselves.
        bar_of: Gives the bar of a candidate and a measure.

    Returns:
        One result per measure and candidate.
    """
    samples = {
        TIME: time_in_turns(calls, repeats, setting.device),
        MEMORY: {
            name: [peak_memory(call, setting.device)]
            for name, call in calls.items()
        },
    }
    results = []
    for measure, by_name in samples.items():
        for name, sample in by_name.items():
            reference = references.get(name, name)
            results.append(
                Result(
                    setting,
                    task,
                    measure,
                    name,
                    reference,
                    Spread.of(sample),
                    Spread.of(np.divide(sample, by_name[reference])),
                    None if name == reference else bar_of(name, measure),
                )
            )
    return results
