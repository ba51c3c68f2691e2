"""Where the time goes: by operation, or by module of a network.

On a CPU this is the time that passes, on a GPU that of the device.
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
WHOLE = 'whole'
GRADIENT = 'autograd::engine::evaluate_function'


def time_operations(call: Callable, device: torch.device) -> Counter:
    """Seconds by operation, without those that it calls, the longest first."""
    seconds = Counter()
    for event in _record(call, device):
        spent = _seconds(event, device, 'self_')
        seconds.update({WHOLE: spent, event.name: spent})
    return Counter(dict(seconds.most_common()))


def time_modules(
    call: Callable, model: nn.Module, depth: int, device: torch.device
) -> tuple[Counter, Counter]:
    """Time the modules of a network, each with the modules within.

    Args:
        call: Runs the network; its forward pass is ``marked`` as ``WHOLE``.
        model: The network; its modules stay marked.
        depth: Depth of the modules to time; ``backbone.layer1`` has 2.
        device: Where it computes.

    Returns:
        Seconds by module, of the forward and of the backward pass.
    """
    names = {WHOLE}
    for name, module in model.named_modules():
        if name and name.count('.') < depth:
            # Not by hooks: mmseg calls the forward of its heads directly.
            module.forward = marked(name, module.forward)
            names.add(name)
    forward, backward, places = Counter(), Counter(), {}
    for event in _record(call, device):
        seconds = _seconds(event, device)
        if event.name in names:
            forward[event.name] += seconds
        elif event.name.startswith(GRADIENT):
            around = places.get(event.sequence_nr, set())
            backward.update(dict.fromkeys(names & around | {WHOLE}, seconds))
        elif event.sequence_nr >= 0:
            # The last operation with a number is the one that autograd took.
            places[event.sequence_nr] = _names_around(event)
    return forward, backward


def marked(name: str, call: Callable) -> Callable:
    """Show a function to the profiler under a name."""

    @wraps(call)
    def run(*args, **kwargs):
        with record_function(name):
            return call(*args, **kwargs)

    return run


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
    """Mean seconds of an event over the calls."""
    clock = device.type
    if clock == 'cuda' and hasattr(event, 'device_time_total'):
        clock = 'device'  # its name since torch 2.3
    return MICROSECOND / RUNS * getattr(event, f'{kind}{clock}_time_total')


def _names_around(event: FunctionEvent) -> set[str]:
    names = set()
    while event := event.cpu_parent:
        names.add(event.name)
    return names
