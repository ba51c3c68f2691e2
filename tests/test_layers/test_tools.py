"""The layers under tools that follow, copy, take apart or convert them."""

import copy
import pickle
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from functorch.compile import aot_module, nop
from mmengine.model import ExponentialMovingAverage
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jvp, vmap
from torch.utils.checkpoint import checkpoint

from mmseg_cube.layers import CubeConv2d, switch_to_deploy
from mmseg_cube.ops import FORMS

DOUBLE = dict(dtype=torch.float64)
BARE = dict(router=None, mask=None)
KINDS = [
    {},
    dict(form='folded'),
    dict(form='parity'),
    dict(lattice_stride=1),
    dict(block=True),
    dict(kernel_size=(3, 4), padding='same', padding_mode='circular'),
    dict(kernel_size=5, stride=2, groups=2, router=dict(method='sort')),
]
# Relaxed orders are of float32 at any rate.
close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)


def draw_like(tensor):
    generator = torch.Generator().manual_seed(tensor.dim())
    return torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)


def hooked(module):
    for part in module.modules():
        if part is not module:
            part.register_forward_pre_hook(lambda *_: None)
            part.register_forward_hook(lambda *_: None)
    return module


def compiled(module):
    torch._dynamo.reset()
    return torch.compile(module, fullgraph=True, backend='aot_eager')


def selective(module):
    """Keep what convolutions give, and compute all else again."""
    name = 'create_selective_checkpoint_contexts'
    make = getattr(torch.utils.checkpoint, name, None)
    if make is None:
        pytest.skip(f'torch {torch.__version__} has no {name}')
    keep = partial(make, [torch.ops.aten.convolution.default])
    options = dict(use_reentrant=False, context_fn=keep)
    return partial(checkpoint, module, **options)


TOOLS = dict(
    deepcopy=copy.deepcopy,
    pickle=lambda module: pickle.loads(pickle.dumps(module)),
    checkpoint=lambda module: partial(checkpoint, module, use_reentrant=False),
    reentrant=lambda module: partial(checkpoint, module, use_reentrant=True),
    hooks=hooked,
    compile=compiled,
    fx=torch.fx.symbolic_trace,
    aot=lambda module: aot_module(module, nop),
    selective=selective,
)


@pytest.mark.parametrize('tool', TOOLS)
@pytest.mark.parametrize('options', KINDS, ids=str)
def test_results_stay(tool, options, build, draw, results):
    if tool == 'fx' and 'block' in options:
        pytest.skip("mmcv's ConvModule looks at values")
    module, x = build(**options), draw()
    # What a step of training leaves in a module is no obstacle.
    results(module, x)
    torch.optim.SGD(module.parameters(), 0.01).step()
    expected = results(module, x)
    twin = TOOLS[tool](module)
    owner = twin if tool in ('deepcopy', 'pickle', 'fx') else module
    close(results(twin, x, owner), expected, atol=1e-4, rtol=1e-4)
    if owner is not module and tool != 'fx':  # which shares its parameters
        for parameter in twin.parameters():
            nn.init.zeros_(parameter)
    close(results(module, x), expected)


@pytest.mark.parametrize('options', KINDS[:4], ids=str)
def test_hooks_see_what_is_routed_and_masked(options, build, draw):
    conv, x, seen = build(**options), draw().requires_grad_(), []
    for part in (conv.router, conv.mask):
        part.register_forward_pre_hook(lambda *_: seen.append('before'))
        part.register_forward_hook(lambda *_: seen.append('after'))
        part.register_full_backward_hook(lambda *_: seen.append('back'))
    conv(x).sum().backward()
    assert seen == ['before', 'after'] * 2 + ['back'] * 2
    close(conv(x[0]), conv(x)[0])
    x = x.detach()[:0].requires_grad_()
    conv(x).sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize('other', [dict(mask=None), dict(router=None)])
def test_forwards_of_subclasses_are_called(other, build, draw):
    conv, x = build(bias=False, **other), draw()
    expected, module = 2 * conv(x), conv.router or conv.mask
    kind = type(module)
    twice = dict(forward=lambda self, x: 2 * kind.forward(self, x))
    module.__class__ = type('Twice', (kind,), twice)
    close(conv(x), expected)


def test_computed_weights_are_computed_once(build, draw):
    conv, way, calls = build(), nn.Identity(), []
    nn.utils.parametrize.register_parametrization(conv, 'weight', way)
    way.register_forward_hook(lambda *_: calls.append(1))
    conv(draw())
    assert calls == [1]


@pytest.mark.parametrize('method', ['sinkhorn', 'random'])
def test_moving_average_of_the_weights(method, build):
    conv = build(router=dict(method=method))
    average = ExponentialMovingAverage(conv, 0.5, update_buffers=True)
    average.update_parameters(conv)
    before = copy.deepcopy(conv.state_dict())
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.add_(torch.randn_like(parameter))
    average.update_parameters(conv)
    for name, value in average.module.named_parameters():
        close(value, (before[name] + conv.get_parameter(name)) / 2)
    order = average.module.router.permutation()
    assert sorted(order.tolist()) == list(range(16))


def test_transforms_of_functions(shape, build, draw):
    conv, x = build(**shape, **DOUBLE), draw(3, **DOUBLE)
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


def test_many_gradients_at_once(shape, build, draw):
    conv, x = build(**shape, **DOUBLE, form='lattice'), draw(**DOUBLE)
    inputs = [x.requires_grad_(), *conv.parameters()]
    out = conv(x)
    find = partial(torch.autograd.grad, out, inputs, retain_graph=True)
    many = draw_like(out.expand(3, *out.shape))
    for again in (False, True):
        found = find(many, is_grads_batched=True, create_graph=again)
        for i, one in enumerate(many):
            close([g[i] for g in found], list(find(one)))


def test_graph_of_gradients_of_a_layer_in_two_places(draw):
    x, found = draw(1, channels=8, **DOUBLE), []
    for form in FORMS:
        torch.manual_seed(0)
        conv = CubeConv2d(8, 8, 3, padding=1, form=form).double()
        loss = conv(conv(x)).square().sum()
        found += torch.autograd.grad(loss, conv.weight, create_graph=True)
    close(found[:1] * 2, found[1:])


def test_symbolic_tracing_of_a_decoder(tiny_segmentor):
    network = tiny_segmentor().eval()
    stages = network.backbone(torch.rand(1, 3, 64, 64))
    head = network.decode_head
    close(torch.fx.symbolic_trace(head)(stages), head(stages))


# Newer torch has to be told; torch 2.1 has this exporter only.
TRACES = {} if torch.__version__ < '2.5' else dict(dynamo=False)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('deploy', [nn.Module.eval, switch_to_deploy])
def test_traced_network_needs_nothing_of_ours(
    deploy, tiny_segmentor, tmp_path
):
    runtime = pytest.importorskip('onnxruntime')
    network, x = deploy(tiny_segmentor().eval()), torch.rand(1, 3, 64, 64)
    traced = torch.jit.trace(network, x)
    assert 'mmseg_cube::' not in str(traced.inlined_graph)
    path = tmp_path / 'network.onnx'
    torch.onnx.export(network, (x,), str(path), input_names=['x'], **TRACES)
    session = runtime.InferenceSession(path)  # which knows no others
    found = torch.from_numpy(session.run(None, dict(x=x.numpy()))[0])
    close(found, network(x), atol=1e-3, rtol=1e-3)


@pytest.fixture(params=[{}, dict(lattice_stride=1), BARE], ids=str)
def evaluated(request, build):
    return build(**request.param).eval()


@pytest.mark.filterwarnings('ignore')
def test_onnxruntime_quantises_every_convolution(evaluated, draw, tmp_path):
    quantization = pytest.importorskip('onnxruntime.quantization')
    import onnx

    given, quantised = tmp_path / 'given.onnx', tmp_path / 'quantised.onnx'
    x = draw()
    torch.onnx.export(evaluated, (x,), str(given), input_names=['x'], **TRACES)
    samples = iter([dict(x=x.numpy())])
    reader = SimpleNamespace(get_next=lambda: next(samples, None))
    layout = quantization.QuantFormat.QOperator
    quantization.quantize_static(given, quantised, reader, layout)
    kinds = [node.op_type for node in onnx.load(quantised).graph.node]
    assert 'Conv' not in kinds
    assert kinds.count('QLinearConv') == (1 if evaluated.mask is None else 2)


@pytest.mark.filterwarnings('ignore')
def test_quantisation_of_exported_graphs(evaluated, draw):
    pt2e = pytest.importorskip('torch.ao.quantization.quantize_pt2e')
    from torch._export import capture_pre_autograd_graph
    from torch.ao.quantization.quantizer import xnnpack_quantizer as xnn

    x, quantizer = draw(), xnn.XNNPACKQuantizer()
    quantizer.set_global(xnn.get_symmetric_quantization_config())
    with torch.no_grad():
        graph = capture_pre_autograd_graph(evaluated, (x,))
    graph = pt2e.prepare_pt2e(graph, quantizer)
    graph(x)
    graph = pt2e.convert_pt2e(graph)
    convs = [n for n in graph.graph.nodes if 'conv2d' in str(n.target)]
    given = [str(a.target) for node in convs for a in node.args[:2]]
    assert len(given) == (2 if evaluated.mask is None else 4)
    assert all('dequantize' in name for name in given)
    expected = evaluated(x)
    assert (graph(x) - expected).abs().max() < 0.1 * expected.abs().max()


@pytest.mark.usefixtures('process_group')
@pytest.mark.parametrize('parts', ['conv', 'router', 'mask', 'router mask'])
@pytest.mark.parametrize('options', KINDS[:4], ids=str)
def test_shards_of_any_part(options, parts, build, draw, results):
    fsdp = pytest.importorskip('torch.distributed.fsdp')
    if not hasattr(fsdp, 'fully_shard'):
        pytest.skip(f'torch {torch.__version__} has no fully_shard')
    mesh = torch.distributed.device_mesh.init_device_mesh('cpu', (1,))
    conv, x = build(**options), draw()
    expected = results(conv, x)
    for part in parts.split():
        fsdp.fully_shard(getattr(conv, part, conv), mesh=mesh)
    close(results(conv, x), expected, atol=1e-3, rtol=1e-3)


def test_reparameterisation_by_timm(build, draw):
    timm = pytest.importorskip('timm')
    norm = nn.BatchNorm2d(8)
    network = nn.Sequential(build(), norm, nn.ReLU()).eval()
    found = timm.utils.reparameterize_model(network)(draw())
    close(found, network(draw()))
