import torch
from torch import nn

from mmseg_cube.analysis.routers.gap import blend_channels, relax_routers
from mmseg_cube.layers import ChannelRouter, CubeConv2d


def network():
    torch.manual_seed(0)
    net = nn.Sequential(
        ChannelRouter(8, method='sort'),
        CubeConv2d(8, 8, 3, padding=1, router=dict(), mask=dict()),
    )
    nn.init.normal_(net[0].scores)
    nn.init.normal_(net[1].router.logits, std=5)
    nn.init.normal_(net[1].mask.weight)
    return net.eval()


def test_blending_multiplies_every_block():
    x = torch.randn(1, 4, 2, 2)
    relaxed = torch.tensor([[[0.0, 1], [1, 0]], [[0.5, 0.5], [0, 2]]])
    out = blend_channels(x, relaxed)
    assert torch.equal(out[:, :2], x[:, [1, 0]])
    torch.testing.assert_close(out[:, 2], (x[:, 2] + x[:, 3]) / 2)
    assert torch.equal(out[:, 3], 2 * x[:, 3])


@torch.no_grad()
def test_cold_routers_blend_as_they_permute_and_warm_ones_do_not():
    net, x = network(), torch.randn(2, 8, 6, 5)
    expected = net(x)
    torch.testing.assert_close(relax_routers(net, 1e-3)(x), expected)
    warm = relax_routers(net, 10.0)(x)
    assert (warm - expected).abs().max() > 0.05
    # The network itself is as before.
    assert torch.equal(net(x), expected)
    assert net[1].router is not None
