import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.registry import MODELS

from mmseg_cube.analysis.ablation import peers
from mmseg_cube.layers import CubeConv2d

SHARES = dict(
    ShuffledGroupConv2d=9 * 32 * 16 // 4,
    SeparableConv2d=9 * 32 + 32 * 16,
    PartialConv2d=9 * 8 * 8 + 32 * 16,
    SharedCubePointwiseConv2d=9 * 32 * 16 // 16 + 16 * 16,
)


@pytest.mark.parametrize('name', SHARES)
def test_peers_have_the_weights_that_they_say(name):
    cfg = dict(type=name)
    module = ConvModule(32, 16, 3, padding=1, conv_cfg=cfg, norm_cfg=None)
    conv = module.conv
    assert isinstance(conv, MODELS.get(name))
    assert isinstance(conv, getattr(peers, name))
    weights = [p.numel() for n, p in conv.named_parameters() if 'weight' in n]
    assert sum(weights) == SHARES[name]
    assert module(torch.randn(2, 32, 6, 8)).shape == (2, 16, 6, 8)
    cubes = [part for part in conv.modules() if type(part) is CubeConv2d]
    assert len(cubes) == (name == 'SharedCubePointwiseConv2d')


def test_peers_mix_what_they_should():
    """Which inputs an output depends on, and where."""
    x = torch.randn(1, 8, 5, 5, requires_grad=True)
    group = peers.ShuffledGroupConv2d(8, 4, 3, padding=1, bias=False)
    (grad,) = torch.autograd.grad(group(x)[0, 0, 2, 2], x)
    # Of four groups the first gets every second channel of eight.
    reached = grad[0].flatten(1).any(1).nonzero().flatten().tolist()
    assert reached == group.order[:2].tolist() == [0, 2]
    partial = peers.PartialConv2d(8, 4, 3, padding=1, bias=False)
    (grad,) = torch.autograd.grad(partial(x)[0, 0, 2, 2], x)
    places = [len(channel.nonzero()) for channel in grad[0]]
    assert places == [9, 9, 1, 1, 1, 1, 1, 1]
