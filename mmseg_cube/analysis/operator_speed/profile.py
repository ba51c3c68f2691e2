"""Where the time of one Cube convolution or block goes, by operation."""

from typing import NamedTuple

from torch.profiler import ProfilerActivity
from torch.profiler import profile as record

from mmseg_cube.analysis.operator_speed.candidates import (
    BLOCK,
    CONV,
    CONV_BLOCK,
    Setting,
    inference_calls,
)
from mmseg_cube.ops import AUTO

PROFILED = (CONV, AUTO, CONV_BLOCK, BLOCK)
WARM_UP_RUNS, RUNS = 3, 20
MICROSECOND = 1e-6


class Operation(NamedTuple):
    """Calls of one operation in a pass, and the seconds that they take.

    Operations that it calls in turn have their own.
    """

    name: str
    calls: float
    seconds: float


def profile(setting: Setting) -> dict[str, list[Operation]]:
    """Time the operations of candidates in inference on the CPU.

    Args:
        setting: The input.

    Returns:
        Means over some passes by candidate, the longest first.
    """
    calls = inference_calls(setting)
    operations = {}
    for name in PROFILED:
        for _ in range(WARM_UP_RUNS):
            calls[name]()
        with record(activities=[ProfilerActivity.CPU]) as recorded:
            for _ in range(RUNS):
                calls[name]()
        found = [
            Operation(
                event.key,
                event.count / RUNS,
                MICROSECOND * event.self_cpu_time_total / RUNS,
            )
            for event in recorded.key_averages()
        ]
        operations[name] = sorted(found, key=lambda x: -x.seconds)
    return operations
