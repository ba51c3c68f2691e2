from copy import deepcopy
from math import exp

import numpy as np
import pytest
import torch
from mmseg.models import BaseSegmentor
from torch import nn

from mmseg_cube.analysis.learned.masks import (
    join_values,
    mask_of,
    mask_over,
    measure_mask,
    watch,
)
from mmseg_cube.inference import BuildingNetwork
from mmseg_cube.layers import CubeConv2d


def make_layer(channels=8, **options):
    torch.manual_seed(0)
    options = dict(padding=1, mask=dict(kernel_size=3)) | options
    layer = CubeConv2d(channels, 4, 3, **options)
    if layer.mask is not None:
        nn.init.normal_(layer.mask.weight)
    if layer.router is not None:
        for logits in layer.router.parameters():
            nn.init.normal_(logits)
    return layer


def slow_mask(layer, x):
    """Mask of an input of shape (C, H, W) by loops over the lattice."""
    scale, weight = layer.scale, layer.mask.weight[0].tolist()
    if layer.router is not None:
        x = x[layer.router.permutation()]
    groups, height, width = len(x) // scale**2, *x.shape[1:]

    def site(g, y, x_):
        channel = g * scale**2 + y % scale * scale + x_ % scale
        return x[channel, y // scale, x_ // scale].item()

    def statistics(y, x_):
        if not (0 <= y < scale * height and 0 <= x_ < scale * width):
            return 0.0, 0.0
        values = [site(g, y, x_) for g in range(groups)]
        return sum(values) / groups, max(values)

    out = np.zeros((scale * height, scale * width))
    for y, x_ in np.ndindex(out.shape):
        logit = layer.mask.bias.item()
        for i, j in np.ndindex(3, 3):
            mean, largest = statistics(y + i - 1, x_ + j - 1)
            logit += weight[0][i][j] * mean + weight[1][i][j] * largest
        out[y, x_] = 1 / (1 + exp(-logit))
    return out


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(router=dict(group_size=8)),
        dict(router=dict(method='none')),
        dict(scale=3, channels=18),
        dict(stride=2, groups=2),
    ],
)
def test_mask_is_the_sigmoid_of_its_convolution(options):
    layer = make_layer(**options)
    x = torch.randn(1, layer.in_channels, 3, 4)
    found = mask_of(layer, x)
    expected = slow_mask(layer, x[0])
    assert found.shape == (1, 1, *expected.shape)
    assert found[0, 0].numpy() == pytest.approx(expected, abs=1e-5)


def test_mask_of_a_reflected_input_is_cut_to_the_input():
    layer = make_layer(padding_mode='reflect')
    x = torch.randn(1, 8, 4, 5)
    padded = slow_mask(
        layer, torch.nn.functional.pad(x, [1] * 4, 'reflect')[0]
    )
    found = mask_of(layer, x)[0, 0].numpy()
    assert found == pytest.approx(padded[2:-2, 2:-2], abs=1e-5)


class Small(BaseSegmentor):
    """Two Cube layers, one of them with a mask, and one that is not used."""

    def __init__(self):
        super().__init__(
            data_preprocessor=dict(
                type='mmseg.SegDataPreProcessor',
                mean=[120.0] * 3,
                std=[60.0] * 3,
                bgr_to_rgb=True,
                test_cfg=dict(size_divisor=16),
            )
        )
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.masked = make_layer(router=dict())
        self.plain = make_layer(4, stride=2, mask=None)
        self.unused = make_layer()
        self.logits = nn.Conv2d(4, 2, 1)

    def encode_decode(self, inputs, batch_img_metas):
        x = self.logits(self.plain(self.masked(self.stem(inputs))))
        size = inputs.shape[2:]
        return nn.functional.interpolate(x, size, mode='bilinear')

    extract_feat = loss = predict = _forward = None


def hooks_of(model):
    return sum(
        len(module._forward_pre_hooks) + len(module._forward_hooks)
        for module in model.modules()
    )


def test_watching_sees_the_masks_and_leaves_no_trace():
    model = Small()
    names = ('masked', 'plain', 'unused')
    layers = {name: getattr(model, name) for name in names}
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 20, 40), np.uint8)
    before = deepcopy(model.state_dict()), hooks_of(model)
    plain = BuildingNetwork(model)(image)
    with watch(model, layers) as seen:
        watched = BuildingNetwork(model)(image)
    assert torch.equal(plain, watched)
    assert hooks_of(model) == before[1]
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[0][name])

    assert seen.size == (32, 48)
    assert seen.inputs == dict(masked=(8, 12), plain=(8, 12))
    assert list(seen.masks) == ['masked']
    normalised = torch.zeros(3, 32, 48)
    normalised[:, :20, :40] = (torch.from_numpy(image[0]).float() - 120) / 60
    with torch.no_grad():
        expected = slow_mask(model.masked, model.stem(normalised[None])[0])
    assert seen.masks['masked'] == pytest.approx(expected, abs=1e-4)


def test_hooks_go_when_the_network_fails():
    model = Small()
    before = hooks_of(model)
    with (
        pytest.raises(RuntimeError, match='oops'),
        watch(model, dict(plain=model.plain)),
    ):
        raise RuntimeError('oops')
    assert hooks_of(model) == before


def test_every_pixel_of_the_image_has_the_value_of_its_site():
    mask = np.arange(12.0).reshape(3, 4)
    over = mask_over(mask, (5, 7), (6, 8))
    for y, x in np.ndindex(5, 7):
        assert over[y, x] == mask[y // 2, x // 2]
    # Finer than the image.
    assert mask_over(mask, (1, 2), (1, 2)).tolist() == [[5, 7]]


def test_values_by_hand():
    mask = np.array(
        [
            [0.1, 0.2, 0.3, 9.0],
            [0.4, 0.5, 0.6, 9.0],
            [0.7, 0.8, 0.9, 9.0],
            [9.0, 9.0, 9.0, 9.0],
        ]
    )
    truth = np.zeros((6, 6), np.uint8)
    truth[:2, :4] = 1
    truth[4:] = 255
    # What is beyond the image does not count.
    found = measure_mask(mask, truth, (8, 8), 2)
    inside = mask[:3, :3]
    assert (found['min'], found['max']) == (0.1, 0.9)
    assert found['mean'] == pytest.approx(inside.mean())
    assert found['sd'] == pytest.approx(inside.std())
    means = (0.1 + 0.3 + 0.7 + 0.9) / 4, 0.5, 0.5, 0.5
    assert found['places'] == pytest.approx(means)
    assert found['building'] == pytest.approx(0.15)
    ground = (0.3 + 2 * 0.4 / 2 + 2 * 0.5 / 2 + 2 * 0.6 / 2) / 4
    assert found['ground'] == pytest.approx(ground)


def test_values_of_several_images():
    rng = np.random.default_rng(0)
    masks = [rng.random((4, 4)), rng.random((6, 8))]
    truths = [np.ones((8, 8)), np.zeros((12, 16))]
    parts = [
        measure_mask(mask, truth, truth.shape, 2)
        for mask, truth in zip(masks, truths, strict=True)
    ]
    joined = join_values(parts)
    assert joined['mean'] == pytest.approx(np.mean([m.mean() for m in masks]))
    assert joined['min'] == min(mask.min() for mask in masks)
    assert joined['max'] == max(mask.max() for mask in masks)
    corners = [mask[::2, ::2].mean() for mask in masks]
    assert joined['places'][0] == pytest.approx(np.mean(corners))
    # Only one of them has buildings, and only the other one background.
    assert joined['building'] == parts[0]['building']
    assert joined['ground'] == parts[1]['ground']
    assert parts[0]['ground'] is None
