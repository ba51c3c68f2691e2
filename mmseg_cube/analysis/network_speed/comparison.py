"""Time and memory of networks against a baseline, and the bars for both.

All networks of a comparison take turns in one process (see
``benchmark.rounds``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mmengine.config import Config

from mmseg_cube.analysis.benchmark.rounds import (
    Spread,
    paired_ratio,
    peak_memory,
    time_in_turns,
)
from mmseg_cube.analysis.network_speed.calls import build_calls
from mmseg_cube.analysis.network_speed.candidates import TRAINING, Setting

TIME, MEMORY = 'time', 'peak memory'
MEASURES = (TIME, MEMORY)
# Goals of this project for ConvNeXt-T-U-Cube over ConvNeXt-T-U at 512 x 512,
# on 2 CPU cores and on a GPU; for other pairs they are a yardstick.
INFERENCE_BAR, TRAINING_BAR, MEMORY_BAR = 0.85, 0.90, 1.00


@dataclass(frozen=True)
class Result:
    """One network, one task, and what of it was measured.

    Attributes:
        setting: How it was measured.
        task: One of ``TASKS``.
        measure: One of ``MEASURES``.
        name: The network; the baseline has itself as reference.
        reference: The baseline.
        value: Seconds of the task, or bytes that it needs at its peak beyond
            parameters and optimizer state. Those a twin with fewer
            parameters has less of anyway, so the ratio is a strict one.
        ratio: Value over that of the baseline in the same round.
    """

    setting: Setting
    task: str
    measure: str
    name: str
    reference: str
    value: Spread
    ratio: Spread

    @property
    def is_reference(self) -> bool:
        """Whether others are compared with it."""
        return self.name == self.reference

    @property
    def bar(self) -> float | None:
        """Ratio that should not be exceeded; None for the baseline."""
        if self.is_reference:
            return None
        if self.measure == MEMORY:
            return MEMORY_BAR
        return TRAINING_BAR if self.task == TRAINING else INFERENCE_BAR

    @property
    def passes(self) -> bool | None:
        """Whether the ratio keeps to its bar; None without one."""
        return None if self.bar is None else self.ratio.median <= self.bar

    @property
    def images(self) -> int:
        """Images of the task."""
        return self.setting.images(self.task)

    def to_dict(self) -> dict:
        """Everything but what all results of a run share, for JSON."""
        return dict(
            network=self.name,
            reference=self.reference,
            layout=self.setting.layout,
            task=self.task,
            images=self.images,
            measure=self.measure,
            unit='bytes' if self.measure == MEMORY else 'seconds',
            value=self.value._asdict(),
            ratio=self.ratio._asdict(),
            bar=self.bar,
            passes=self.passes,
        )


def compare(
    cfgs: Mapping[str, Config], task: str, setting: Setting, repeats: int
) -> list[Result]:
    """Measure time and memory of networks doing one task.

    Args:
        cfgs: Configs by name; the first is the baseline.
        task: One of ``TASKS``.
        setting: How it is to be done.
        repeats: Rounds of timing; memory is exact and measured once.

    Returns:
        One result per measure and network.
    """
    calls = build_calls(cfgs, task, setting)
    reference = next(iter(calls))
    samples = {
        TIME: time_in_turns(calls, repeats, setting.device),
        MEMORY: {
            name: [peak_memory(call, setting.device)]
            for name, call in calls.items()
        },
    }
    return [
        Result(
            setting,
            task,
            measure,
            name,
            reference,
            Spread.of(sample),
            paired_ratio(sample, by_name[reference]),
        )
        for measure, by_name in samples.items()
        for name, sample in by_name.items()
    ]
