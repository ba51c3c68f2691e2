"""The layers under tools that follow, take apart or convert what they do."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jvp, vmap

from mmseg_cube.layers import CubeConv2d, switch_to_deploy
from mmseg_cube.ops import FORMS

FULL = dict(router=dict(method='sinkhorn'), mask=dict(kernel_size=3))
BARE = dict(router=None, mask=None)


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


def test_many_gradients_at_once(shape):
    conv, x = build(**shape, form='lattice'), draw(2, 16, 7, 6)
    inputs = [x.requires_grad_(), *conv.parameters()]
    out = conv(x)
    find = partial(torch.autograd.grad, out, inputs, retain_graph=True)
    many = draw(3, *out.shape)
    for again in (False, True):
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


def test_hooks_see_what_is_routed_and_masked(shape):
    conv, x = build(**shape), draw(2, 16, 7, 6)
    expected, seen = results(conv, x), []
    for part in (conv.router, conv.mask):
        part.register_forward_pre_hook(lambda *_: seen.append('before'))
        part.register_forward_hook(lambda *_: seen.append('after'))
        part.register_full_backward_hook(lambda *_: seen.append('back'))
    close(results(conv, x), expected)
    close(conv(x[0]), conv(x)[0])
    assert seen[:6] == ['before', 'after'] * 2 + ['back'] * 2


def results(module, x):
    """Output and gradients."""
    out = module(x.requires_grad_())
    inputs = x, *module.parameters()
    return [out, *torch.autograd.grad(out.square().sum(), inputs)]


def test_symbolic_tracing(shape):
    conv, x = build(**shape), draw(2, 16, 7, 6)
    found = results(torch.fx.symbolic_trace(conv), x)
    # Parameters of the graph are in the order of their use.
    key = torch.Tensor.numel
    close(sorted(found, key=key), sorted(results(conv, x), key=key))


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


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('options', [{}, dict(lattice_stride=1), BARE])
def test_onnxruntime_quantises_every_convolution(options, tmp_path):
    quantization = pytest.importorskip('onnxruntime.quantization')
    import onnx

    given, quantised = tmp_path / 'given.onnx', tmp_path / 'quantised.onnx'
    conv = build(torch.float32, kernel_size=3, padding=1, **options).eval()
    x = torch.rand(1, 16, 8, 8)
    torch.onnx.export(conv, (x,), str(given), input_names=['x'], **TRACES)
    samples = iter([dict(x=x.numpy())])
    reader = SimpleNamespace(get_next=lambda: next(samples, None))
    layout = quantization.QuantFormat.QOperator
    quantization.quantize_static(given, quantised, reader, layout)
    kinds = [node.op_type for node in onnx.load(quantised).graph.node]
    assert 'Conv' not in kinds
    assert kinds.count('QLinearConv') == (1 if conv.mask is None else 2)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('options', [{}, dict(lattice_stride=1), BARE])
def test_quantisation_of_exported_graphs(options):
    pt2e = pytest.importorskip('torch.ao.quantization.quantize_pt2e')
    from torch._export import capture_pre_autograd_graph
    from torch.ao.quantization.quantizer import xnnpack_quantizer as xnn

    conv = build(torch.float32, kernel_size=3, padding=1, **options).eval()
    x, quantizer = torch.rand(1, 16, 8, 8), xnn.XNNPACKQuantizer()
    quantizer.set_global(xnn.get_symmetric_quantization_config())
    with torch.no_grad():
        graph = capture_pre_autograd_graph(conv, (x,))
    graph = pt2e.prepare_pt2e(graph, quantizer)
    graph(x)
    graph = pt2e.convert_pt2e(graph)
    convs = [n for n in graph.graph.nodes if 'conv2d' in str(n.target)]
    given = [str(a.target) for node in convs for a in node.args[:2]]
    assert len(given) == (2 if conv.mask is None else 4)
    assert all('dequantize' in name for name in given)
    assert (graph(x) - conv(x)).abs().max() < 0.1 * conv(x).abs().max()


@pytest.mark.usefixtures('process_group')
@pytest.mark.parametrize('parts', ['conv', 'router', 'mask', 'router mask'])
def test_shards_of_any_part(shape, parts):
    fsdp = pytest.importorskip('torch.distributed.fsdp')
    if not hasattr(fsdp, 'fully_shard'):
        pytest.skip(f'torch {torch.__version__} has no fully_shard')
    mesh = torch.distributed.device_mesh.init_device_mesh('cpu', (1,))
    conv, x = build(torch.float32, **shape), torch.rand(2, 16, 7, 6)
    conv(x).sum().backward()
    expected = [p.grad.clone() for p in conv.parameters()]
    conv.zero_grad()
    for part in parts.split():
        fsdp.fully_shard(getattr(conv, part, conv), mesh=mesh)
    conv(x).sum().backward()
    grads = (p.grad for p in conv.parameters())
    found = [getattr(g, 'full_tensor', lambda g=g: g)() for g in grads]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize('form', ['auto', *FORMS[:2]])
def test_half_precision_and_empty_batches(shape, form):
    conv, x = build(torch.bfloat16, **shape, form=form), draw(2, 16, 24, 24)
    found = results(conv, x.bfloat16())
    expected = results(conv.float(), x.bfloat16().float())
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= 1e-2 * other.norm()
    out, *grads = results(conv, torch.rand(0, 16, 7, 6))
    assert len(out) == 0
    assert not any(grad.any() for grad in grads)


def test_reparameterisation_by_timm():
    timm = pytest.importorskip('timm')
    conv, x = build(kernel_size=3, padding=1), draw(2, 16, 7, 6)
    network = nn.Sequential(conv, nn.BatchNorm2d(8).double(), nn.ReLU())
    found = timm.utils.reparameterize_model(network.eval())(x)
    close(found, network(x))
