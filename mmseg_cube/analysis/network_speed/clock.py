"""Clocks on the modules of a network.

A clock around the ``forward`` of a module gives its forward time. Its
backward pass lasts from the first gradient that arrives at its outputs to the
first that arrives at its inputs, since autograd takes the operations in
reverse order. Both include the modules within.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import wraps

import torch
from torch import Tensor, nn

FORWARD, BACKWARD = 'forward', 'backward'
WHOLE = 'whole network'
MILLISECOND = 1e-3

Moment = float | torch.cuda.Event
Times = dict[tuple[str, str], float]


class ModuleClock:
    """Clocks on the modules of a network.

    Args:
        model: Network; keeps the clocks.
        depth: Depth of the modules to watch; that of ``backbone.layer1`` is
            2.
        device: Device on which it computes.
    """

    def __init__(
        self, model: nn.Module, depth: int, device: torch.device
    ) -> None:
        self.on_gpu = device.type == 'cuda'
        self.spans = defaultdict(list)
        for name, module in model.named_modules():
            if name and name.count('.') < depth:
                # Not by hooks: mmseg calls the forward of its heads directly.
                module.forward = self._watch(name, module.forward)

    def run(self, **steps: Callable) -> Times:
        """Run steps; each takes what the one before has returned, if anything.

        Args:
            **steps: Steps by name.

        Returns:
            Seconds by module and pass, and by ``WHOLE`` and step.
        """
        self.spans.clear()
        result = None
        for name, step in steps.items():
            begin = self._now()
            result = step() if result is None else step(result)
            self.spans[WHOLE, name].append([begin, self._now()])
        if self.on_gpu:
            torch.cuda.synchronize()
        return {
            key: sum(self._length(*span) for span in spans)
            for key, spans in self.spans.items()
        }

    def _watch(self, name: str, forward: Callable) -> Callable:
        @wraps(forward)
        def watched(*args, **kwargs):
            arrivals = [None, None]
            # Before the module may overwrite its input.
            for tensor in _recorded([args, kwargs]):
                tensor.register_hook(self._stamp(arrivals, 1))
            begin = self._now()
            output = forward(*args, **kwargs)
            self.spans[name, FORWARD].append([begin, self._now()])
            for tensor in _recorded(output):
                tensor.register_hook(self._stamp(arrivals, 0))
            self.spans[name, BACKWARD].append(arrivals)
            return output

        return watched

    def _stamp(self, arrivals: list, place: int) -> Callable[[Tensor], None]:
        def stamp(grad: Tensor) -> None:
            if arrivals[place] is None:
                arrivals[place] = self._now()

        return stamp

    def _now(self) -> Moment:
        if not self.on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _length(self, begin: Moment | None, end: Moment | None) -> float:
        if begin is None:
            return 0.0  # no backward pass
        if end is None:
            # The input is the image: nothing is left to be done after it.
            end = self.spans[WHOLE, BACKWARD][0][1]
        if self.on_gpu:
            return begin.elapsed_time(end) * MILLISECOND
        return end - begin


def _recorded(it: object) -> Iterator[Tensor]:
    """Find the tensors through which autograd passes."""
    if isinstance(it, Tensor):
        if it.grad_fn is not None:
            yield it
    elif isinstance(it, Mapping):
        yield from _recorded(list(it.values()))
    elif isinstance(it, list | tuple):
        for item in it:
            yield from _recorded(item)
