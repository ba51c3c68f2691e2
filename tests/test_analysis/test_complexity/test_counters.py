import torch
from torch import nn

from mmseg_cube.analysis.complexity.counters import count_modules


def test_attention_by_hand():
    images, length, width, heads = 2, 9, 16, 2
    attention = nn.MultiheadAttention(width, heads, batch_first=True)
    x = torch.empty(images, length, width, device='meta')
    attention.to('meta').eval()
    counted = count_modules(Caller(attention), x, key=x, value=x)
    tokens, pairs = images * length, images * length**2
    linear = tokens * (3 * width + width)
    assert counted[''] == (
        4 * (width * width + width),
        2 * (linear * width + 2 * pairs * width),
        linear + heads * pairs + tokens * width,
    )


class Caller(nn.Module):
    """Calls a module as its forward function, which runs no hooks."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args, **kwargs):
        return self.inner.forward(*args, **kwargs)


class Head(nn.Module):
    """Works by itself as well as by a layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3, bias=False)
        self.weight = nn.Parameter(torch.zeros(3, 2))

    def forward(self, x):
        return self.layer(x) @ self.weight


def test_costs_belong_to_the_module_that_runs():
    network = nn.Sequential(nn.Linear(5, 4, bias=False), Caller(Head()))
    assert count_modules(network, torch.zeros(7, 5)) == {
        '': (38, 2 * 7 * (20 + 12 + 6), 7 * (4 + 3 + 2)),
        '0': (20, 2 * 7 * 20, 7 * 4),
        '1': (18, 2 * 7 * (12 + 6), 7 * (3 + 2)),
        '1.inner': (18, 2 * 7 * (12 + 6), 7 * (3 + 2)),
        '1.inner.layer': (12, 2 * 7 * 12, 7 * 3),
    }


def test_module_used_twice_costs_twice():
    layer = nn.Linear(4, 4, bias=False)
    costs = count_modules(nn.Sequential(layer, layer), torch.zeros(1, 4))
    assert costs['0'] == costs[''] == (16, 2 * 2 * 16, 2 * 4)


def test_list_of_modules_is_the_sum_of_its_own():
    class Each(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(
                nn.Linear(2, 2, bias=False) for _ in range(3)
            )

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    costs = count_modules(Each(), torch.zeros(1, 2))
    assert costs['layers'] == costs[''] == (12, 3 * 8, 3 * 2)
