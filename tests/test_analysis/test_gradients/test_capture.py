import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from mmseg_cube.analysis.gradients.capture import INPUT, WEIGHT, capture
from mmseg_cube.analysis.gradients.statistics import correlate_channels
from mmseg_cube.layers import CubeConv2d


class Network(nn.Module):
    """Convolutions in all the places that make hooks go wrong."""

    def __init__(self):
        super().__init__()
        cube = dict(router=dict(), mask=dict())
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.cube = CubeConv2d(8, 8, 3, padding=1, **cube)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.again = CubeConv2d(8, 8, 3, padding=1)
        self.unused = nn.Conv2d(8, 8, 3)
        self.dropout = nn.Dropout2d(0.5)
        self.inputs = {}

    def forward(self, x):
        """Keep the inputs of layers, to be asked for their gradients."""
        keep = self.inputs
        x = nn.functional.relu(self.stem(x), inplace=True)
        x = keep['cube'] = self.norm(x)
        # Also read beside the layer.
        x = x + nn.functional.relu(self.cube(x), inplace=True)
        x = keep['twice'] = self.dropout(x)
        x = keep['twice, again'] = self.twice(x)
        x = keep['again'] = self.twice(x)
        return checkpoint(self.again, x, use_reentrant=self.reentrant)

    reentrant = False


def loss_of(model, batch):
    return (model(batch) * torch.linspace(-1, 1, 6)).square().mean()


def build():
    torch.manual_seed(0)
    model = Network()
    nn.init.normal_(model.cube.router.logits)
    return model


def draw(count=3):
    torch.manual_seed(1)
    return list(torch.randn(count, 2, 3, 5, 6))


def watch(model, *names, batches=(), **options):
    return capture(model, names, batches or draw(), loss_of=loss_of, **options)


def assert_same(sums, samples):
    """Compare with numpy's correlations of samples of shape (C, n)."""
    assert sum(sums)[0, 0] == samples.shape[1]
    found, expected = correlate_channels(sum(sums)), np.corrcoef(samples)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def by_channel(tensor):
    return tensor.transpose(0, 1).flatten(1).double()


@pytest.fixture
def gradients():
    """Gradients of all batches by autograd, dropout drawn as in capture."""
    model, found = build().train(), {}
    for i, batch in enumerate(draw()):
        torch.manual_seed(7 + i)
        loss = loss_of(model, batch)
        tensors = model.inputs | dict(weight=model.twice.weight)
        grads = torch.autograd.grad(loss, list(tensors.values()))
        for name, grad in zip(tensors, grads, strict=True):
            found.setdefault(name, []).append(by_channel(grad))
    return {name: torch.cat(grads, 1) for name, grads in found.items()}


def test_gradients_of_inputs_and_weights(gradients):
    sums = watch(build(), 'twice', seed=7)
    # Called twice: both inputs are samples, but there is one kernel.
    twice = torch.cat((gradients['twice'], gradients['twice, again']), 1)
    assert_same(sums[INPUT, 'twice'], twice)
    assert_same(sums[WEIGHT, 'twice'], gradients['weight'])
    assert len(sums[INPUT, 'twice']) == 3


def test_only_what_goes_through_the_layer_counts():
    """The input is also read by a sum beside the layer."""
    model, found = build().train(), []
    # Then the sum has the gradient of what comes next.
    model.dropout.p = 0.0
    sums = watch(model, 'cube')
    for batch in draw():
        loss = loss_of(model, batch)
        tensors = model.inputs['cube'], model.inputs['twice']
        whole, beside = torch.autograd.grad(loss, tensors)
        found.append(by_channel(whole - beside))
    assert_same(sums[INPUT, 'cube'], torch.cat(found, 1))


@pytest.mark.parametrize('reentrant', [True, False])
def test_checkpointed_layers_count_once(reentrant, gradients, monkeypatch):
    monkeypatch.setattr(Network, 'reentrant', reentrant)
    # An earlier layer makes the input need a gradient.
    sums = watch(build(), 'stem', 'again', seed=7)
    assert_same(sums[INPUT, 'again'], gradients['again'])
    # Images have a gradient too.
    assert sum(sums[INPUT, 'stem'])[0, 0] == gradients['again'].shape[1]


def test_network_is_left_as_it_was():
    model = build().eval()
    before, batches = copy.deepcopy(model.state_dict()), draw()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    watch(model, 'cube', 'twice', batches=batches)
    assert torch.equal(torch.rand(1), expected)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not model.training and not model.cube._forward_hooks
    assert all(p.requires_grad for p in model.parameters())
    assert all(p.grad is None for p in model.parameters())


def test_many_batches_make_eight_groups():
    for groups in watch(build(), 'cube', batches=draw(11)).values():
        counts = [part[0, 0] for part in groups]
        assert counts == [2 * counts[-1]] * 3 + [counts[-1]] * 5


def test_layer_without_a_part_in_the_loss_is_named():
    with pytest.raises(ValueError, match='the layer unused takes no part'):
        watch(build(), 'cube', 'unused')
