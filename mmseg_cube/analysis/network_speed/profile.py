"""Where the time of a network goes, module by module.

The time of a module includes the modules within. What it does itself, such as
a resize or a concatenation, is listed as its rest.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from mmengine.config import Config

from mmseg_cube.analysis.network_speed.calls import (
    TrainingStep,
    inference_call,
)
from mmseg_cube.analysis.network_speed.candidates import (
    INFERENCE,
    Setting,
    build_network,
)
from mmseg_cube.analysis.network_speed.clock import (
    FORWARD,
    WHOLE,
    ModuleClock,
    Times,
)

WARM_UP_RUNS, RUNS = 2, 5
OPTIMIZER, REST = 'optimizer', 'rest of'


class Row(NamedTuple):
    """Seconds that one module takes in an inference and a training step."""

    module: str
    inference: float
    forward: float = 0.0
    backward: float = 0.0
    update: float = 0.0

    @property
    def training(self) -> float:
        """Seconds of the training step."""
        return self.forward + self.backward + self.update

    def less(self, others: list['Row']) -> 'Row':
        """What is left of this one without others."""
        sums = np.sum([row[1:] for row in others], 0)
        name = f'{REST} {self.module}'
        return Row(name, *np.subtract(self[1:], sums).tolist())


def profile(
    cfgs: Mapping[str, Config], setting: Setting, depth: int
) -> dict[str, list[Row]]:
    """Time the modules of networks as trained, which take turns.

    Args:
        cfgs: Configs by name.
        setting: How it is to be done.
        depth: Depth of the modules to watch.

    Returns:
        By name the whole network, and below it every module that was called,
        each followed by those within and by its rest. The times are those of
        the run of median length.
    """
    runs = {}
    for name, cfg in cfgs.items():
        model = build_network(cfg)
        call = inference_call(model, INFERENCE, setting)
        clock = ModuleClock(model, depth, setting.device)
        runs[name] = partial(clock.run, forward=call)
    inference = _run_in_turns(runs)
    order = {}
    for name, cfg in cfgs.items():
        step = TrainingStep(cfg, setting)
        clock = ModuleClock(step.model, depth, setting.device)
        runs[name] = partial(
            clock.run,
            forward=step.losses,
            backward=step.backward,
            update=step.update,
        )
        order[name] = [WHOLE, *dict(step.model.named_modules())]
    training = _run_in_turns(runs)
    return {
        name: _list_rows(order[name], inference[name], training[name])
        for name in cfgs
    }


def _run_in_turns(runs: Mapping[str, Callable[[], Times]]) -> dict[str, Times]:
    """Times of the run of median length: unlike medians they add up."""
    times = {name: [] for name in runs}
    for _ in range(WARM_UP_RUNS + RUNS):
        for name, run in runs.items():
            times[name].append(run())
    for name in times:
        times[name] = sorted(times[name][WARM_UP_RUNS:], key=_length_of_run)
    return {name: sample[RUNS // 2] for name, sample in times.items()}


def _length_of_run(times: Times) -> float:
    return sum(times[key] for key in times if key[0] == WHOLE)


def _list_rows(
    order: list[str], inference: Times, training: Times
) -> list[Row]:
    called = {name for name, _ in (*inference, *training)}
    rows = {
        name: Row(
            name,
            inference.get((name, FORWARD), 0.0),
            *(training.get((name, x), 0.0) for x in Row._fields[2:]),
        )
        for name in order
        if name in called
    }
    rows[OPTIMIZER] = Row(OPTIMIZER, 0.0, update=rows[WHOLE].update)
    return list(_with_rests(WHOLE, rows))


def _with_rests(name: str, rows: Mapping[str, Row]) -> Iterator[Row]:
    """A row, those below it, and what they leave of it."""
    yield rows[name]
    children = [x for x in rows if x != WHOLE and _parent(x, rows) == name]
    for child in children:
        yield from _with_rests(child, rows)
    if children:
        yield rows[name].less([rows[child] for child in children])


def _parent(name: str, rows: Mapping[str, Row]) -> str:
    while '.' in name:
        name = name.rpartition('.')[0]
        if name in rows:
            return name
    return WHOLE
