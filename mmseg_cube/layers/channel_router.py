"""Learnable order of channels in front of the reconstruction."""

from collections.abc import Callable

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmseg_cube.layers.assignment import assign
from mmseg_cube.ops import apply_order, riffle, sinkhorn, softsort
from mmseg_cube.ops.context import untraced
from mmseg_cube.ops.geometry import check_choice

# Symbolic tracing does not look into them.
torch.fx.wrap('apply_order')
torch.fx.wrap('assign')

LEARNED = ('sinkhorn', 'sort')
METHODS = (*LEARNED, 'none', 'fixed', 'random', 'given')
LARGEST_GROUP = 16
SINKHORN_ITERATIONS = 5
# Logit of "stay" in a fresh Sinkhorn router: enough to start at the identity,
# and overturned by some fifty steps of a usual learning rate (with ten times
# as much, no channel moved in 600 iterations).
STAY = 0.1


@MODELS.register_module()
class ChannelRouter(nn.Module):
    """Permute channels by a learned or a fixed order.

    Every forward pass applies a true permutation. The gradient of the order
    is that of a relaxation at ``temperature`` (straight-through).

    Args:
        channels: Number of channels, C.
        method: ``'sinkhorn'`` learns an assignment within groups of
            ``group_size`` channels (C * group_size parameters); ``'sort'``
            learns a score per channel (C parameters) and sorts by it;
            ``'none'`` keeps the order; ``'fixed'`` interleaves the channels
            and ``'random'`` draws one order, as controls for ablations;
            ``'given'`` takes the order of the state dict.
        group_size: Channels per group of ``'sinkhorn'``; by default the
            largest divisor of C up to 16.
        riffle_groups: Runs that ``'fixed'`` interleaves.
        temperature: Width of the relaxation. ``'sort'`` counts it in initial
            distances between neighbouring scores, ``'sinkhorn'`` divides the
            logits by it.
        seed: Seed of ``'random'``; the order is part of the checkpoint.
        device, dtype: Those of the parameters.

    Shape:
        (N, C, H, W) in and out.

    Raises:
        ValueError: If the method is unknown, the temperature is not positive
            or the channels do not fill whole groups.
    """

    def __init__(
        self,
        channels: int,
        method: str = 'sinkhorn',
        group_size: int | None = None,
        riffle_groups: int = 4,
        temperature: float = 1.0,
        seed: int = 0,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_choice('method of a channel router', method, METHODS)
        if temperature <= 0:
            raise ValueError(
                'temperature of a channel router must be positive, '
                f'but got {temperature}'
            )
        self.channels = channels
        self.method = method
        sizes = range(1, LARGEST_GROUP + 1)
        largest = max(size for size in sizes if channels % size == 0)
        self.group_size = group_size or largest
        self.riffle_groups = riffle_groups
        self.temperature = temperature
        self.seed = seed
        factory = dict(device=device, dtype=dtype)
        if method == 'sort':
            self.scores = nn.Parameter(torch.empty(channels, **factory))
        elif method == 'sinkhorn':
            self._check_groups('group_size', self.group_size)
            size = self.group_size
            shape = (channels // size, size, size)
            self.logits = nn.Parameter(torch.empty(shape, **factory))
        elif method != 'none':
            order = torch.empty(channels, dtype=torch.long, device=device)
            self.register_buffer('order', order)
            if method == 'fixed':
                self._check_groups('riffle_groups', riffle_groups)
        self.reset_parameters()

    def _apply(self, fn: Callable, recurse: bool = True) -> nn.Module:
        """Move or convert; what would be rounded stays, with its order."""

        def exact(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            wide = torch.promote_types(tensor.dtype, moved.dtype)
            return moved if moved.dtype == wide else tensor.to(moved.device)

        return super()._apply(exact, recurse)

    def _check_groups(self, name: str, value: int) -> None:
        if isinstance(value, float) or value < 1 or self.channels % value:
            raise ValueError(
                f'{name} of a channel router must be whole and divide its '
                f'{self.channels} channels, but got {value}'
            )

    def reset_parameters(self) -> None:
        """Start at the identity, or at the fixed order."""
        with torch.no_grad():
            if self.method == 'sort':
                self.scores.copy_(torch.linspace(-1, 1, self.channels))
            elif self.method == 'sinkhorn':
                self.logits.copy_(STAY * torch.eye(self.group_size))
            elif self.method == 'fixed':
                self.order.copy_(riffle(self.channels, self.riffle_groups))
            elif self.method == 'random':
                seeded = torch.Generator().manual_seed(self.seed)
                options = dict(generator=seeded, device='cpu')
                self.order.copy_(torch.randperm(self.channels, **options))
            elif self.method == 'given':
                self.order.copy_(torch.arange(self.channels))

    @torch.no_grad()
    def permutation(self) -> Tensor:
        """Order of shape (C,): output channel i reads input ``order[i]``."""
        if self.method == 'sort':
            return self.scores.argsort(stable=True)
        if self.method == 'sinkhorn':
            return assign(self.logits)[0]
        if self.method == 'none':
            return torch.arange(self.channels)
        return self.order

    @property
    def learns(self) -> bool:
        """Whether the order is learned."""
        return self.method in LEARNED

    def assigned(self) -> tuple[Tensor, Tensor]:
        """Best assignment by the logits: its order, and the prices."""
        return assign(self.logits)

    def _learned(self) -> tuple[Tensor, Tensor]:
        """Order, and the relaxation of which it is the limit."""
        if self.method == 'sort':
            spacing = 2 / max(self.channels - 1, 1)
            relaxed = softsort(self.scores.float(), self.temperature * spacing)
            return self.permutation(), relaxed
        order, prices = self.assigned()
        # Prices leave the limit of Sinkhorn's iterations as it is, and save
        # the many that it would take to find them when it is cold.
        logits = self.logits.float() - prices.float()[:, None]
        return order, sinkhorn(logits, self.temperature, SINKHORN_ITERATIONS)

    def forward(self, input: Tensor) -> Tensor:
        """Return the input of shape (N, C, H, W) in the learned order."""
        return apply_order(input, *self.order_and_relaxation())

    def order_and_relaxation(self) -> tuple[Tensor | None, Tensor | None]:
        """What a forward pass applies, None where there is nothing to do.

        That is the order of shape (C,), and the relaxation of shape (B, C / B,
        C / B) that carries its gradient while gradients are recorded.
        """
        if self.method == 'none':
            return None, None
        if torch.jit.is_tracing():
            # A traced graph cannot be trained, and is to run without us.
            with untraced():
                return self.permutation(), None
        if self.learns and torch.is_grad_enabled():
            return self._learned()
        return self.permutation(), None

    def switch_to_deploy(self) -> 'ChannelRouter | None':
        """Router of the order as it is now; None for the identity."""
        order = self.permutation()
        if order.equal(torch.arange(len(order), device=order.device)):
            return None
        router = ChannelRouter(self.channels, 'given', device=order.device)
        router.order.copy_(order)
        return router

    def extra_repr(self) -> str:
        """Arguments, as in the constructor."""
        own = {
            'sort': f', temperature={self.temperature:g}',
            'sinkhorn': f', group_size={self.group_size}, '
            f'temperature={self.temperature:g}',
            'fixed': f', riffle_groups={self.riffle_groups}',
            'random': f', seed={self.seed}',
        }
        return f'{self.channels}, {self.method!r}' + own.get(self.method, '')
