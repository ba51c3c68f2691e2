"""The layers under tools that follow, take apart or convert what they do."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jvp, vmap

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import FORMS

FULL = dict(router=dict(method='sinkhorn'), mask=dict(kernel_size=3))


def build(dtype=torch.float64, **options):
    """A layer with router and mask, neither of them fresh."""
    torch.manual_seed(0)
    conv = CubeConv2d(16, 8, dtype=dtype, **{**FULL, **options})
    for name, parameter in conv.named_parameters():
        if 'router' in name or 'mask' in name:
            nn.init.normal_(parameter, std=0.5)
    return conv


def draw(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(shape, generator=generator, dtype=dtype)


def draw_like(tensor):
    return draw(*tensor.shape, dtype=tensor.dtype)


# Relaxed orders are of float32 at any rate.
close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('form', ['auto', 'lattice'])
def test_transforms_of_functions(shape, form):
    conv, x = build(**shape, form=form), draw(3, 16, 7, 6)
    weights = dict(conv.named_parameters())

    def loss(weights, x):
        return functional_call(conv, weights, (x,)).square().sum()

    # Samples come without a batch, which the layer takes as well.
    each = vmap(grad(loss), (None, 0))(weights, x)
    for i, sample in enumerate(x):
        expected = torch.autograd.grad(loss(weights, sample), weights.values())
        close([each[name][i] for name in weights], list(expected))
    tangents = {name: draw_like(w) for name, w in weights.items()}
    slope = jvp(loss, (weights, x), (tangents, draw_like(x)))[1]
    with forward_ad.dual_level():
        dual = {k: forward_ad.make_dual(weights[k], tangents[k]) for k in each}
        out = loss(dual, forward_ad.make_dual(x, draw_like(x)))
        close(forward_ad.unpack_dual(out).tangent, slope)
    inputs = [x.requires_grad_(), *weights.values()]
    backward = torch.autograd.grad(loss(weights, x), inputs)
    along = [draw_like(x), *tangents.values()]
    pairs = zip(along, backward, strict=True)
    close(sum((a * b).sum() for a, b in pairs), slope)


@pytest.mark.parametrize('again', [False, True])
def test_many_gradients_at_once(shape, again):
    conv, x = build(**shape, form='lattice'), draw(2, 16, 7, 6)
    inputs = [x.requires_grad_(), *conv.parameters()]
    out = conv(x)
    find = partial(torch.autograd.grad, out, inputs, retain_graph=True)
    many = draw(3, *out.shape)
    found = find(many, is_grads_batched=True, create_graph=again)
    for i, one in enumerate(many):
        close([g[i] for g in found], list(find(one)))


def test_graph_of_gradients_of_a_layer_in_two_places():
    x, found = draw(1, 8, 5, 4), []
    for form in FORMS:
        torch.manual_seed(0)
        conv = CubeConv2d(8, 8, 3, padding=1, form=form).double()
        loss = conv(conv(x)).square().sum()
        found += torch.autograd.grad(loss, conv.weight, create_graph=True)
    close(found[:1] * 2, found[1:])
