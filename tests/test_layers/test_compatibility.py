"""The layers under everything that PyTorch and mmengine do to layers."""

import copy
import os
import pickle
from fractions import Fraction
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from mmengine.analysis import get_model_complexity_info
from mmengine.model import ExponentialMovingAverage
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.layers import CubeConv2d, CubeKernelBlock
from mmseg_cube.ops import AUTO, FORMS
from mmseg_cube.ops.layout import LAYOUT_IS_HIDDEN

LAST = dict(memory_format=torch.channels_last)
FULL = dict(router=dict(method='sinkhorn'), mask=dict(kernel_size=3))
ALL_FORMS = pytest.mark.parametrize('form', (AUTO, *FORMS))


def layer(form=AUTO, channels=16, **options):
    """A layer with router and mask, neither of them fresh."""
    torch.manual_seed(0)
    options = {**FULL, **options}
    conv = CubeConv2d(channels, 8, 3, padding=1, form=form, **options)
    return disturb(conv)


def block():
    torch.manual_seed(0)
    return disturb(CubeKernelBlock(16, 16, residual=True, layer_scale=0.5))


def disturb(module):
    for name, parameter in module.named_parameters():
        if 'router' in name or 'mask' in name:
            nn.init.normal_(parameter, std=0.5)
    return module


# Weights shared by the channels of a cell.
shared = partial(layer, lattice_stride=1)
ALL = pytest.mark.parametrize('build', [layer, block, shared])


def draw(batch=2, height=8, width=6, channels=16):
    torch.manual_seed(1)
    # Behind a ReLU, as in networks.
    return torch.randn(batch, channels, height, width).relu()


def results(module, x, reference=None):
    """Output and gradients of a module, by name."""
    x = x.detach().requires_grad_()
    reference = reference or module
    reference.zero_grad()
    out = module(x)
    out.square().sum().backward()
    named = reference.named_parameters()
    found = {name: p.grad.clone() for name, p in named}
    return dict(found, input=x.grad, output=out.detach())


def assert_close(found, expected, tolerance=1e-4):
    # Which tells the name as well.
    limits = dict(atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(found, expected, **limits)


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


# What is recorded cannot choose, so that the block's is the lattice form.
RECORDED = {form: partial(layer, form) for form in ('folded', 'parity')}
RECORDED.update(block=block, shared=shared)
ALL_RECORDED = pytest.mark.parametrize(
    'build', RECORDED.values(), ids=RECORDED
)


@ALL_RECORDED
@pytest.mark.usefixtures('fresh_compiler')
def test_compiled_module_is_one_graph_and_equal(build):
    module = build()
    compiled = torch.compile(module, fullgraph=True, backend='aot_eager')
    x = draw()
    assert_close(results(compiled, x, module), results(module, x))
    # The same graphs, in less time.
    compiled = torch.compile(module, fullgraph=True, backend='eager')
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        out, expected = compiled(x), module(x)
    assert out.dtype == expected.dtype
    torch.testing.assert_close(out, expected, atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    'form, trained', [('lattice', True), *((form, False) for form in FORMS)]
)
@pytest.mark.usefixtures('fresh_compiler')
def test_other_sizes_compile_nothing_anew(form, trained):
    conv = layer(form)
    counter = CompileCounterWithBackend('eager')
    compiled = torch.compile(conv, fullgraph=True, backend=counter)
    with torch.set_grad_enabled(trained):
        for i, size in enumerate([(2, 8, 6), (3, 12, 10), (4, 7, 9)]):
            x = draw(*size)
            torch._dynamo.mark_dynamic(x, (0, 2, 3))
            out = compiled(x)
            assert out.is_contiguous()
            torch.testing.assert_close(out, conv(x))
            if i == 1:
                graphs = counter.frame_count
        assert counter.frame_count == graphs
        if LAYOUT_IS_HIDDEN or trained:
            return
        last = compiled(x.to(**LAST))
    assert last.is_contiguous(**LAST)
    torch.testing.assert_close(last, out)


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.usefixtures('fresh_compiler')
def test_training_is_compiled_for_other_sizes(masked):
    """By the form that torch's own compiler takes; it needs minutes."""
    conv, graphs = layer(**({} if masked else dict(mask=None))), []

    def remember(graph, _):
        graphs.append(graph.code)
        return graph.forward

    compiled = torch.compile(conv, fullgraph=True, backend=remember)
    for size in ((2, 8, 6), (3, 12, 10), (4, 7, 9)):
        x = draw(*size)
        assert_close(results(compiled, x, conv), results(conv, x))
    assert len(graphs) == 2
    assert {'pixel_shuffle' in code for code in graphs} == {masked}


@pytest.mark.skipif(
    'CUBE_INDUCTOR' not in os.environ, reason='minutes: set CUBE_INDUCTOR=1'
)
@pytest.mark.parametrize('taps', [3, 4])
@pytest.mark.parametrize('parts', [dict(router=None, mask=None), {}])
@pytest.mark.usefixtures('fresh_compiler')
def test_training_by_inductor(taps, parts):
    conv = layer(lattice_kernel_size=taps, **parts)
    # Torch 2.1 fails at a mask of open size.
    dynamic = False if LAYOUT_IS_HIDDEN and conv.mask is not None else None
    compiled = torch.compile(conv, dynamic=dynamic)
    for size in ((2, 8, 6), (3, 12, 10)):
        x = draw(*size)
        assert_close(results(compiled, x, conv), results(conv, x), 1e-3)


def autocast_or_skip(dtype):
    """Autocast on the CPU, where this torch has it."""
    try:
        with torch.autocast('cpu', dtype):
            conv = F.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1))
        works = conv.dtype == dtype
    except RuntimeError:
        works = False
    if not works:
        pytest.skip(
            f'torch {torch.__version__} has no CPU autocast to {dtype}'
        )
    return torch.autocast('cpu', dtype)


@ALL_FORMS
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(dtype, form):
    conv = layer(form)
    x = draw()
    full = results(conv, x)
    x = x.requires_grad_()
    with autocast_or_skip(dtype):
        out = conv(x)
        assert conv(x.to(dtype)).dtype == out.dtype == dtype
    # Gradients are taken outside, as mmengine does.
    conv.zero_grad()
    out.float().square().sum().backward()
    torch.testing.assert_close(
        out.float(), full['output'], atol=0.05, rtol=0.05
    )
    for name, tensor in dict(conv.named_parameters(), input=x).items():
        assert tensor.grad.dtype == torch.float32, name
        error = (tensor.grad - full[name]).norm() / full[name].norm()
        assert error < 0.05, (name, error)


@ALL_FORMS
def test_autocast_of_large_values_stays_finite(form):
    conv = layer(form)
    nn.init.constant_(conv.weight, 1e-4)
    with autocast_or_skip(torch.float16):
        out = conv(torch.full((1, 16, 6, 6), 6e4))
    assert out.isfinite().all()
    out.float().mean().backward()
    for name, parameter in conv.named_parameters():
        assert parameter.grad.isfinite().all(), name


@ALL
def test_autocast_and_double_backward(build):
    module = build()
    x = draw().requires_grad_()
    with autocast_or_skip(torch.bfloat16):
        out = module(x)
    loss = out.float().square().sum()
    (grad,) = torch.autograd.grad(loss, x, create_graph=True)
    grad.square().mean().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize('method', ['sinkhorn', 'random'])
def test_moving_average_of_the_weights(method):
    conv = layer(router=dict(method=method))
    average = ExponentialMovingAverage(conv, 0.5, update_buffers=True)
    average.update_parameters(conv)
    before = copy.deepcopy(conv.state_dict())
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.add_(torch.randn_like(parameter))
    average.update_parameters(conv)
    for name, value in average.module.named_parameters():
        middle = (before[name] + conv.get_parameter(name)) / 2
        torch.testing.assert_close(value, middle)
    order = average.module.router.permutation()
    assert sorted(order.tolist()) == list(range(16))


@ALL
@pytest.mark.parametrize('reentrant', [False, True])
def test_activation_checkpointing(build, reentrant):
    module, x = build(), draw()
    expected = results(module, x)
    saving = partial(checkpoint, module, use_reentrant=reentrant)
    assert_close(results(saving, x, module), expected, 0)


@ALL
def test_clones_after_a_step_of_training(build):
    module = build()
    x = draw()
    optimizer = torch.optim.SGD(module.parameters(), 0.01)
    results(module, x)
    optimizer.step()
    expected = results(module, x)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert_close(results(twin, x), expected, 0)
        for parameter in twin.parameters():
            nn.init.zeros_(parameter)
        assert_close(results(module, x), expected, 0)


@pytest.mark.parametrize(
    'build', [layer, block, shared, partial(layer, router=dict(method='sort'))]
)
def test_meta_device(build):
    module = build().to('meta')
    x = torch.empty(2, 16, 8, 6, device='meta')
    found = results(module, x)
    expected = results(build(), draw())
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.is_meta, name
        assert value.shape == expected[name].shape, name


def count_by_torch(module, backward=False):
    x = draw().requires_grad_(backward)
    with FlopCounterMode(display=False) as counter:
        out = module(x)
        if backward:
            out.sum().backward()
    return counter.get_total_flops()


def count_by_mmengine(module):
    options = dict(show_table=False, show_arch=False)
    return get_model_complexity_info(module, (16, 12, 10), **options)['flops']


SHARES = dict(
    lattice=Fraction(1, 4), folded=Fraction(4, 9), parity=Fraction(1, 4)
)


@pytest.mark.parametrize(
    'count',
    [
        count_by_torch,
        partial(count_by_torch, backward=True),
        count_by_mmengine,
    ],
)
@pytest.mark.parametrize('form', FORMS)
def test_operations_are_those_of_the_work_done(form, count):
    cube = layer(form, mask=None)
    # Its gradient is counted as matrix products.
    cube.router = None
    expected = SHARES[form] * count(nn.Conv2d(16, 8, 3, padding=1))
    assert count(cube) == expected
    cube.mask = layer().mask
    assert expected < count(cube) < 3 * expected
    if form == 'lattice':
        cube = shared(form, mask=None)
        cube.router = None
        assert count(cube) == expected


def export(module):
    if not hasattr(torch.export, 'Dim'):
        pytest.skip('torch.export has no dynamic shapes before torch 2.2')
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    options = dict(dynamic_shapes=(sizes,))
    return torch.export.export(module, (draw(),), **options).module()


@ALL_RECORDED
@pytest.mark.parametrize(
    'record', [lambda module: torch.jit.trace(module, draw()), export]
)
def test_recorded_module_takes_other_sizes(build, record):
    module = build().eval()
    recorded = record(module)
    for size in ((2, 8, 6), (3, 11, 14), (5, 3, 4)):
        x = draw(*size)
        torch.testing.assert_close(recorded(x), module(x))


def kept(module, x):
    """Bytes kept for the backward pass, each piece of memory once."""
    pieces = {}

    def remember(tensor):
        storage = tensor.untyped_storage()
        pieces[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(remember, lambda t: t):
        module(x.requires_grad_())
    return sum(pieces.values())


@pytest.mark.parametrize('last', [False, True])
def test_nothing_of_the_lattice_is_kept(last):
    x = draw(2, 32, 32, channels=64)
    if last:
        x = x.to(**LAST)
    given = 4 * x.numel()
    for options in (dict(mask=None), dict()):
        conv = layer('lattice', channels=64, **options)
        weights = sum(4 * p.numel() for p in conv.parameters())
        # Relaxations of the router, and its order.
        small = 40 * conv.router.logits.numel() + 8 * 64
        # Two statistics and the mask are 3 of the lattice's 16 channels.
        mask = 0 if conv.mask is None else 3 * given // 16
        assert kept(conv, x) <= given + mask + weights + 4 * small
