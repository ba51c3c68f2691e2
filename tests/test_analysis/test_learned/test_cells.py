import numpy as np
import pytest
import torch

from mmseg_cube.analysis.learned.cells import measure_outputs, measure_places
from mmseg_cube.analysis.learned.masks import join_values, watch
from mmseg_cube.layers import CubeConv2d


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
