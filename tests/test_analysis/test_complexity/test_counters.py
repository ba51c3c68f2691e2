import torch
from torch import nn

from mmseg_cube.analysis.complexity.counters import count_modules


def linear(inner, outer):
    return nn.Linear(inner, outer, bias=False)


class Caller(nn.Module):
    """Calls a module as its forward function, which runs no hooks."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args, **kwargs):
        return self.inner.forward(*args, **kwargs)


class Head(nn.Module):
    """Works by itself as well as by a list of layers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([linear(4, 4), linear(4, 3)])
        self.weight = nn.Parameter(torch.zeros(3, 2))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x @ self.weight


def test_attention_by_hand():
    images, length, width, heads = 2, 9, 16, 2
    attention = nn.MultiheadAttention(width, heads, batch_first=True)
    x = torch.empty(images, length, width, device='meta')
    attention.to('meta').eval()
    counted = count_modules(Caller(attention), x, key=x, value=x)
    tokens, pairs = images * length, images * length**2
    projected = tokens * (3 * width + width)
    assert counted[''] == (
        4 * (width * width + width),
        2 * (projected * width + 2 * pairs * width),
        projected + heads * pairs + tokens * width,
    )


def test_costs_belong_to_the_module_that_runs():
    network = nn.Sequential(linear(5, 4), Caller(Head()))
    head = 16 + 12 + 6, 2 * 7 * (16 + 12 + 6), 7 * (4 + 3 + 2)
    assert count_modules(network, torch.zeros(7, 5)) == {
        '': (20 + head[0], 2 * 7 * 20 + head[1], 7 * 4 + head[2]),
        '0': (20, 2 * 7 * 20, 7 * 4),
        '1': head,
        '1.inner': head,
        '1.inner.layers': (16 + 12, 2 * 7 * (16 + 12), 7 * (4 + 3)),
        '1.inner.layers.0': (16, 2 * 7 * 16, 7 * 4),
        '1.inner.layers.1': (12, 2 * 7 * 12, 7 * 3),
    }


def test_module_used_twice_costs_twice():
    layer = linear(4, 4)
    costs = count_modules(nn.Sequential(layer, layer), torch.zeros(1, 4))
    assert costs['0'] == costs[''] == (16, 2 * 2 * 16, 2 * 4)
