"""Where the time goes: by operation, or by module of a network.

On a CPU a profile shows the time that passes, on a GPU that of the device.
"""

from collections import Counter
from collections.abc import Callable
from functools import wraps

import torch
from torch import nn
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

WARM_UP_RUNS, RUNS = 2, 5
MICROSECOND = 1e-6
WHOLE = 'whole network'
MARKED = 7  # scope of what record_function marks
GRADIENT = 'autograd::engine::evaluate_function'


def by_operation(
    call: Callable, device: torch.device
) -> dict[str, tuple[float, float]]:
    """Count and time the operations of a call.

    Args:
        call: What to profile.
        device: Where it computes.

    Returns:
        Calls and seconds by operation, the longest first; operations that it
        calls in turn have their own.
    """
    counts, seconds = Counter(), Counter()
    for event in _record(call, device):
        counts[event.name] += 1 / RUNS
        seconds[event.name] += _seconds(event, device, 'self_')
    return {name: (counts[name], s) for name, s in seconds.most_common()}


def by_module(
    call: Callable, model: nn.Module, depth: int, device: torch.device
) -> tuple[Counter, Counter]:
    """Time the modules of a network, each with the modules within.

    Args:
        call: Runs the network.
        model: The network; its modules stay marked.
        depth: Depth of the modules to time; ``backbone.layer1`` has 2.
        device: Where it computes.

    Returns:
        Seconds by name, in the forward and in the backward pass. The forward
        pass also has what the call itself marks by ``record_function``.
    """
    for name, module in model.named_modules():
        if name and name.count('.') < depth:
            # Not by hooks: mmseg calls the forward of its heads directly.
            module.forward = _mark(name, module.forward)
    forward, backward, places = Counter(), Counter(), {}
    for event in _record(call, device):
        seconds = _seconds(event, device)
        if event.scope == MARKED:
            forward[event.name] += seconds
        elif event.name.startswith(GRADIENT):
            for name in (WHOLE, *places.get(event.sequence_nr, ())):
                backward[name] += seconds
        elif event.sequence_nr >= 0:
            # The last operation with a number is the one that autograd took.
            places[event.sequence_nr] = _modules_around(event)
    return forward, backward


def _mark(name: str, forward: Callable) -> Callable:
    @wraps(forward)
    def marked(*args, **kwargs):
        with record_function(name):
            return forward(*args, **kwargs)

    return marked


def _record(call: Callable, device: torch.device) -> list[FunctionEvent]:
    """Record some calls, in the order in which their operations begin."""
    for _ in range(WARM_UP_RUNS):
        call()
    activities = [ProfilerActivity.CPU]
    if device.type == 'cuda':
        activities.append(ProfilerActivity.CUDA)
        torch.cuda.synchronize(device)
    with profile(activities=activities) as recorded:
        for _ in range(RUNS):
            call()
    return [x for x in recorded.events() if x.device_type == DeviceType.CPU]


def _seconds(
    event: FunctionEvent, device: torch.device, kind: str = ''
) -> float:
    """Seconds of an event in one call."""
    if device.type == 'cpu':
        whole = getattr(event, f'{kind}cpu_time_total')
    elif hasattr(event, 'device_time_total'):
        whole = getattr(event, f'{kind}device_time_total')
    else:  # torch 2.2 and before
        whole = getattr(event, f'{kind}cuda_time_total')
    return MICROSECOND * whole / RUNS


def _modules_around(event: FunctionEvent) -> list[str]:
    names = []
    while event := event.cpu_parent:
        if event.scope == MARKED and event.name != WHOLE:
            names.append(event.name)
    return names
