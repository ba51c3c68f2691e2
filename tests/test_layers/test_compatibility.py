"""The layers compiled, recorded, in half precision; their work and memory."""

import io
import os
from fractions import Fraction
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from mmengine.analysis import get_model_complexity_info
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_cube.ops import AUTO, FORMS
from mmseg_cube.ops.layout import LAYOUT_IS_HIDDEN

LAST = dict(memory_format=torch.channels_last)
SHARED = dict(lattice_stride=1)
BLOCK = dict(block=True)
SIZES = (2, 8, 6), (3, 12, 10), (4, 7, 9)
ALL_FORMS = pytest.mark.parametrize('form', (AUTO, *FORMS))
close = partial(torch.testing.assert_close, atol=1e-4, rtol=1e-4)


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize('trained', [True, False])
@pytest.mark.parametrize(
    'options',
    [*(dict(form=form) for form in (AUTO, *FORMS)), dict(mask=None), BLOCK],
    ids=str,
)
def test_other_sizes_compile_one_graph_more(
    options, trained, build, draw, results
):
    module, graphs = build(**options), []

    def remember(graph, _):
        graphs.append(graph.code)
        return graph.forward

    compiled = torch.compile(module, fullgraph=True, backend=remember)
    for size in SIZES:
        x = draw(*size)
        if trained:
            close(results(compiled, x, module), results(module, x))
        else:
            with torch.no_grad():
                close(compiled(x), module(x))
    assert len(graphs) == 2
    # Torch's own compiler, which needs minutes, takes this one in training.
    bare = trained and options == dict(mask=None)
    if 'form' not in options:
        assert {'pixel_shuffle' in code for code in graphs} == {not bare}
    if not LAYOUT_IS_HIDDEN and not trained:
        with torch.no_grad():
            last = compiled(x.to(**LAST))
            assert last.is_contiguous(**LAST)
            close(last, module(x))


@pytest.mark.skipif(
    'CUBE_INDUCTOR' not in os.environ, reason='minutes: set CUBE_INDUCTOR=1'
)
@pytest.mark.parametrize('taps', [3, 4])
@pytest.mark.parametrize('parts', [dict(router=None, mask=None), {}])
def test_training_by_inductor(taps, parts, build, draw, results):
    conv = build(lattice_kernel_size=taps, **parts)
    # Torch 2.1 fails at a mask of open size.
    dynamic = False if LAYOUT_IS_HIDDEN and conv.mask is not None else None
    compiled = torch.compile(conv, dynamic=dynamic)
    for size in SIZES[:2]:
        found = results(compiled, draw(*size), conv)
        close(found, results(conv, draw(*size)), atol=1e-3, rtol=1e-3)


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
def test_autocast(dtype, form, build, draw, results):
    conv, x = build(form=form), draw()
    full = results(conv, x)

    def half(x):
        with autocast_or_skip(dtype):
            assert conv(x.to(dtype)).dtype == conv(x).dtype == dtype
            # Gradients are taken outside, as mmengine does.
            return conv(x)

    def widened(x):
        return half(x).float()

    for name, found in results(widened, x, conv).items():
        assert found.dtype == torch.float32, name
        error = (found - full[name]).norm() / full[name].norm()
        assert error < 0.05, (name, error)
    # And the gradient of a gradient.
    x = x.requires_grad_()
    loss = widened(x).square().sum()
    (grad,) = torch.autograd.grad(loss, x, create_graph=True)
    grad.square().mean().backward()
    assert x.grad.isfinite().all() and x.grad.any()
    # Compiled, it casts as well.
    compiled = torch.compile(conv, fullgraph=True, backend='eager')
    with torch.no_grad(), autocast_or_skip(dtype):
        close(compiled(x), conv(x), atol=0.05, rtol=0.05)


@ALL_FORMS
def test_large_values_stay_finite_in_half_precision(form, build):
    conv = build(form=form)
    nn.init.constant_(conv.weight, 1e-4)
    with autocast_or_skip(torch.float16):
        out = conv(torch.full((1, 16, 6, 6), 6e4))
    assert out.isfinite().all()
    out.float().mean().backward()
    for name, parameter in conv.named_parameters():
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize('form', [AUTO, *FORMS[:2]])
def test_weights_of_half_precision(shape, form, build, draw, results):
    conv, x = build(**shape, form=form).bfloat16(), draw(2, 24, 24).bfloat16()
    found = results(conv, x)
    for name, value in results(conv.float(), x.float()).items():
        assert (found[name] - value).norm() <= 1e-2 * value.norm(), name
    empty = results(conv, draw(0))
    assert len(empty['output']) == 0
    assert not any(value.any() for value in empty.values())


@pytest.mark.parametrize(
    'options', [{}, BLOCK, SHARED, dict(router=dict(method='sort'))], ids=str
)
def test_meta_device(options, build, draw, results):
    expected = results(build(**options), draw())
    found = results(build(**options).to('meta'), draw().to('meta'))
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.is_meta, name
        assert value.shape == expected[name].shape, name


def count_by_torch(module, x, backward=False):
    x = x.clone().requires_grad_(backward)
    with FlopCounterMode(display=False) as counter:
        out = module(x)
        if backward:
            out.sum().backward()
    return counter.get_total_flops()


def count_by_mmengine(module, x):
    options = dict(show_table=False, show_arch=False)
    shape = tuple(x.shape[1:])
    return get_model_complexity_info(module, shape, **options)['flops']


SHARES = dict(
    lattice=Fraction(1, 4), folded=Fraction(4, 9), parity=Fraction(1, 4)
)
COUNTS = count_by_torch, partial(count_by_torch, backward=True)


@pytest.mark.parametrize('count', [*COUNTS, count_by_mmengine])
@pytest.mark.parametrize('form', FORMS)
def test_operations_are_those_of_the_work_done(form, count, build, draw):
    # A router's gradient is counted as matrix products.
    bare = dict(form=form, router=None, mask=None)
    plain = nn.Conv2d(16, 8, 3, padding=1)
    expected = SHARES[form] * count(plain, draw())
    assert count(build(**bare), draw()) == expected
    masked = count(build(form=form, router=None), draw())
    assert expected < masked < 3 * expected
    if form == 'lattice':
        assert count(build(**bare, **SHARED), draw()) == expected


def export(module, x):
    if not hasattr(torch.export, 'Dim'):
        pytest.skip('torch.export has no dynamic shapes before torch 2.2')
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    options = dict(dynamic_shapes=(sizes,))
    return torch.export.export(module, (x,), **options).module()


def to_onnx(module, x):
    runtime = pytest.importorskip('onnxruntime')
    file, names = io.BytesIO(), dict(input_names=['x'])
    names['dynamic_axes'] = dict(x={0: 'n', 2: 'h', 3: 'w'})
    names |= {} if torch.__version__ < '2.5' else dict(dynamo=False)
    torch.onnx.export(module, (x,), file, **names)
    session = runtime.InferenceSession(file.getvalue())
    return lambda x: torch.from_numpy(session.run(None, dict(x=x.numpy()))[0])


# What is recorded cannot choose, so that the block's is the lattice form.
@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
    'options', [*(dict(form=f) for f in FORMS[1:]), BLOCK, SHARED], ids=str
)
@pytest.mark.parametrize('record', [torch.jit.trace, export, to_onnx])
def test_recorded_module_takes_other_sizes(options, record, build, draw):
    module = build(**options).eval()
    recorded = record(module, draw())
    # It needs nothing of ours; runtimes of ONNX know no others.
    assert 'mmseg_cube::' not in str(getattr(recorded, 'inlined_graph', ''))
    for size in SIZES:
        close(recorded(draw(*size)), module(draw(*size)))


@pytest.mark.parametrize('last', [False, True])
@pytest.mark.parametrize('options', [dict(mask=None), {}], ids=str)
def test_nothing_of_the_lattice_is_kept(options, last, build, draw):
    x, pieces = draw(2, 32, 32, channels=64), {}
    x = x.to(**LAST) if last else x
    conv = build(channels=64, form='lattice', **options)

    def remember(tensor):
        storage = tensor.untyped_storage()
        pieces[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(remember, lambda t: t):
        conv(x.requires_grad_())
    given, weights = (
        4 * sum(t.numel() for t in tensors)
        for tensors in ([x], conv.parameters())
    )
    # Relaxations of the router, and its order.
    small = 40 * conv.router.logits.numel() + 8 * 64
    # Two statistics and the mask are 3 of the lattice's 16 channels.
    mask = 0 if conv.mask is None else 3 * given // 16
    assert sum(pieces.values()) <= given + mask + weights + 4 * small
