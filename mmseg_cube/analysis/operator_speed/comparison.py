"""Time and memory of the Cube convolution and block against their bars.

A convolution is compared with an ``nn.Conv2d`` of the same channels, kernel 3
and padding 1, in each of its forms and in the form that it chooses itself; the
block of router, mask, convolution, norm and activation with Conv-BN-ReLU. For
inference both of these are deployed, so norms are folded on either side.
"""

from dataclasses import dataclass

import torch

from mmseg_cube.analysis.benchmark.rounds import (
    Spread,
    paired_ratio,
    peak_memory,
    time_in_turns,
)
from mmseg_cube.analysis.operator_speed.candidates import (
    AUTO,
    BLOCK,
    REFERENCES,
    Setting,
    inference_calls,
    training_calls,
)

INFERENCE, TRAINING, MEMORY = 'inference', 'forward + backward', 'peak memory'
MEASURES = (INFERENCE, TRAINING, MEMORY)
WIDE = 128
BARRED = 3
# Ratios that this project must not exceed with a lattice kernel of BARRED,
# per device and data type: with at least WIDE channels, and with fewer (None:
# no bar).
BARS = {
    ('cpu', torch.float32): {
        (AUTO, INFERENCE): (0.35, 0.45),
        (AUTO, TRAINING): (0.45, 0.60),
        (AUTO, MEMORY): (1.10, 1.10),
        (BLOCK, INFERENCE): (0.45, 0.70),
        (BLOCK, TRAINING): (0.60, 1.00),
        (BLOCK, MEMORY): (1.10, 1.10),
    },
    ('cuda', torch.bfloat16): {
        (AUTO, INFERENCE): (0.45, None),
        (AUTO, TRAINING): (0.65, None),
    },
}


@dataclass(frozen=True)
class Result:
    """One candidate in one setting.

    Attributes:
        setting: The input.
        measure: One of ``MEASURES``.
        name: The candidate; a reference has itself as reference.
        reference: What the ratio refers to.
        value: Seconds, or bytes of peak memory.
        ratio: Value over that of the reference in the same round.
    """

    setting: Setting
    measure: str
    name: str
    reference: str
    value: Spread
    ratio: Spread

    @property
    def is_reference(self) -> bool:
        """Whether others are compared with it."""
        return self.name not in REFERENCES

    @property
    def bar(self) -> float | None:
        """Ratio that this project must not exceed here, if any."""
        if self.setting.lattice_kernel_size != BARRED:
            return None
        bars = BARS.get((self.setting.device.type, self.setting.dtype), {})
        wide, narrow = bars.get((self.name, self.measure), (None, None))
        return wide if self.setting.channels >= WIDE else narrow

    @property
    def passes(self) -> bool | None:
        """Whether the ratio keeps to its bar; None without one."""
        return None if self.bar is None else self.ratio.median <= self.bar

    @property
    def unit(self) -> str:
        """Unit of the value."""
        return 'bytes' if self.measure == MEMORY else 'seconds'

    def to_dict(self) -> dict:
        """Everything but what all results of a run share, for JSON."""
        return dict(
            channels=self.setting.channels,
            size=self.setting.size,
            layout=self.setting.layout,
            measure=self.measure,
            name=self.name,
            reference=self.reference,
            unit=self.unit,
            value=self.value._asdict(),
            ratio=self.ratio._asdict(),
            bar=self.bar,
            passes=self.passes,
        )


def compare(setting: Setting, measure: str, repeats: int) -> list[Result]:
    """Measure all candidates in one setting.

    Args:
        setting: The input.
        measure: One of ``MEASURES``.
        repeats: Rounds of timing; memory is exact and measured once.

    Returns:
        One result per candidate and reference.

    Raises:
        CubeRuleError: If a Cube convolution cannot have these channels.
        DisagreementError: If results differ that should be equal.
    """
    build = inference_calls if measure == INFERENCE else training_calls
    calls = build(setting)
    if measure == MEMORY:
        samples = {}
        for name, call in calls.items():
            call()
            samples[name] = [peak_memory(call, setting.device)]
    else:
        samples = time_in_turns(calls, repeats, setting.device)
    results = []
    for name, sample in samples.items():
        reference = REFERENCES.get(name, name)
        ratio = paired_ratio(sample, samples[reference])
        value = Spread.of(sample)
        results.append(Result(setting, measure, name, reference, value, ratio))
    return results
