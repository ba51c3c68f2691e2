import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.analysis.learned.masks import (
    join_values,
    mask_of,
    measure_mask,
    measure_outputs,
    measure_places,
    watch,
)
from mmseg_cube.analysis.learned.report import cube_layers
from mmseg_cube.inference import BuildingNetwork
from mmseg_cube.layers import CubeConv2d


@torch.no_grad()
def slow_mask(layer, x):
    """Mask of an input on a lattice made by PyTorch."""
    if layer.router is not None:
        x = x[:, layer.router.permutation()]
    lattice = F.pixel_shuffle(x, layer.scale)
    statistics = torch.cat((lattice.mean(1, True), lattice.amax(1, True)), 1)
    weight, bias = layer.mask.weight, layer.mask.bias
    return F.conv2d(statistics, weight, bias, padding='same').sigmoid()


@pytest.mark.parametrize(
    'options',
    [
        dict(router=dict(group_size=8)),
        dict(scale=3, in_channels=18, stride=2, groups=2),
        dict(padding_mode='reflect'),
    ],
)
def test_mask_is_the_sigmoid_of_its_convolution(options, as_trained):
    given = dict(in_channels=8, padding=1, mask=dict(kernel_size=3)) | options
    layer = as_trained(CubeConv2d(out_channels=4, kernel_size=3, **given))
    x = torch.randn(1, layer.in_channels, 3, 4)
    expected = slow_mask(layer, x)
    if 'padding_mode' in options:  # cut to the input
        padded = slow_mask(layer, F.pad(x, [1] * 4, 'reflect'))
        expected = padded[..., 2:-2, 2:-2]
    torch.testing.assert_close(mask_of(layer, x), expected)


def hooks_of(model):
    hooks = [(x._forward_pre_hooks, x._forward_hooks) for x in model.modules()]
    return sum(len(before) + len(after) for before, after in hooks)


def test_watching_sees_the_masks_and_leaves_no_trace(tiny_segmentor):
    pad = {'model.data_preprocessor.test_cfg': dict(size_divisor=32)}
    model = tiny_segmentor(**pad)
    layers = cube_layers(model)
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 60, 90), np.uint8)
    before = hooks_of(model)
    plain, inputs = BuildingNetwork(model)(image), {}
    with watch(model, layers) as seen:
        for name, layer in layers.items():
            layer.register_forward_pre_hook(
                lambda layer, args, name=name: inputs.update({name: args[0]})
            )
        watched = BuildingNetwork(model)(image)
    assert torch.equal(plain, watched)
    assert hooks_of(model) == before + len(layers)
    assert seen.size == (64, 96)
    assert list(seen.masks) == list(layers)
    name = list(layers)[1]
    expected = slow_mask(layers[name], inputs[name])[0, 0].numpy()
    assert seen.masks[name] == pytest.approx(expected, abs=1e-4)


def test_values_by_hand():
    mask = np.full((4, 4), 9.0)
    mask[:3, :3] = np.arange(1, 10).reshape(3, 3) / 10
    truth = np.zeros((6, 6), np.uint8)
    truth[:2, :4] = 1
    truth[4:] = 255
    # What is beyond the image does not count.
    found = measure_mask(mask, truth, (8, 8))
    inside = mask[:3, :3]
    assert (found['min'], found['max']) == (0.1, 0.9)
    assert found['mean'] == pytest.approx(inside.mean())
    assert found['sd'] == pytest.approx(inside.std())
    assert found['building'] == pytest.approx(0.15)
    ground = (0.3 + 2 * 0.4 / 2 + 2 * 0.5 / 2 + 2 * 0.6 / 2) / 4
    assert found['ground'] == pytest.approx(ground)


def test_outputs_by_hand():
    a, b = torch.randn(2, 6, 7)
    # Two cells of two outputs: equal and opposite, and unlike.
    output = torch.stack([a, -2 * a, b, torch.ones_like(b)])[None]
    across = abs(np.corrcoef(a.flatten(), b.flatten())[0, 1])
    found = measure_outputs(output, 2)
    assert found['alike'] == pytest.approx((1 + 0) / 2)
    assert found['apart'] == pytest.approx((2 * across + 0) / 4)


def test_places_by_hand():
    mask = np.tile([[0.9, 0.5], [0.7, 0.6]], (3, 4))
    found = measure_places(mask, 2)
    assert found == pytest.approx(dict(low_place=0.5, high_place=0.9))
    assert join_values([found, found]) == pytest.approx(found)


@pytest.mark.parametrize('mask', [None, dict()])
def test_layers_of_shared_weights_are_watched(tiny_segmentor, mask):
    model = tiny_segmentor()
    shared = CubeConv2d(16, 16, 3, padding=1, lattice_stride=1, mask=mask)
    layers = dict(shared=shared, own=CubeConv2d(16, 16, 3, padding=1))
    with watch(model, layers) as seen, torch.no_grad():
        for layer in layers.values():
            layer(torch.randn(1, 16, 6, 8))
    assert set(seen.cells) == {'shared'}
    found = seen.cells['shared']
    assert 0 <= found['apart'] <= 1 and 0 <= found['alike'] <= 1
    assert ('low_place' in found) == (mask is not None)
