from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmseg.apis.remote_sense_inferencer import RSImage

from mmseg_cube.inference import Tiling, predict_bands, predict_raster


@pytest.mark.parametrize(
    'shape',
    [(100, 130), (32, 32), (20, 90), (90, 20), (5, 7), (1, 40), (1, 1)],
)
@pytest.mark.parametrize('stride', [32, 11])
@pytest.mark.parametrize('tta', ['none', 'flips', 'd4'])
def test_single_pixels_are_exact(pixelwise, write_raster, shape, stride, tta):
    model = pixelwise()
    path, values = write_raster(*shape)
    tiling = Tiling(32, stride, batch=3, tta=tta)
    found = predict_raster(model, path, tiling)
    assert found.shape == shape
    assert found.dtype == np.float32
    direct = model.direct(values)
    np.testing.assert_allclose(found, direct, atol=2e-6)


@pytest.mark.parametrize('shape', [(70, 50), (20, 90), (1, 1), (3, 200)])
def test_no_building_without_data(pixelwise, write, tmp_path, shape):
    """And not a bit of the rest changes. Other ways to say so: test_scene."""
    rng, model, tiling = np.random.default_rng(0), pixelwise(), Tiling(32, 20)
    valid = rng.random(shape) < 0.7
    valid[-shape[0] // 2 :] = False  # whole bands
    values = rng.integers(1, 256, (3, *shape), np.uint8) * valid
    whole = write(tmp_path / 'whole.tif', values)
    expected = predict_raster(model, whole, tiling)
    assert expected.all()
    expected[~valid] = np.nan
    for about in (dict(nodata=0), dict(valid=valid)):
        path = write(tmp_path / f'{[*about]}.tif', values, **about)
        found = predict_raster(model, path, tiling)
        np.testing.assert_array_equal(found, expected)


def test_neighbours_blend_smoothly(pixelwise, write_raster):
    """Windows that disagree meet without a step."""
    path, _ = write_raster(32, 160)
    model = pixelwise()
    shown = iter(range(100))

    def count(inputs, batch_img_metas):
        logits = inputs.new_zeros(len(inputs), 2, 32, 32)
        for sample in logits:
            sample[1] = 10.0 * (next(shown) % 2) - 5
        return logits

    model.encode_decode = count
    row = predict_raster(model, path, Tiling(32, 16))[7]
    assert np.abs(np.diff(row)).max() < 0.15
    assert row.max() - row.min() > 0.9
    row = predict_raster(model, path, Tiling(32, 32))[7]
    assert np.abs(np.diff(row)).max() > 0.9


def test_bands_follow_each_other(pixelwise, write_raster):
    path, _ = write_raster(300, 50)
    model = pixelwise()
    bands = predict_bands(model, path, Tiling(32, 16, batch=2))
    first = next(bands)
    # Rows are there before all of the raster is read.
    assert sum(shape[0] for shape in model.shapes) < 20
    rows = [len(band) for band in (first, *bands)]
    assert (rows[0], max(rows), sum(rows)) == (16, 32, 300)
    assert max(shape[0] for shape in model.shapes) == 2


@pytest.mark.parametrize('side', (500, 1000, 3072))
def test_no_window_is_computed_twice(side):
    """Where mmseg's RSInferencer computes some: 16 in place of 9."""
    starts = Tiling(512, 256).starts(side)
    assert len(starts) == -(-max(side - 512, 0) // 256) + 1
    if side == 1000:
        image = SimpleNamespace(width=side, height=side, grids=[])
        RSImage.create_grids(image, (512, 512), (256, 256))
        assert len(image.grids) >= 1.3 * len(starts) ** 2


def test_wrong_tiling():
    assert (Tiling().size, Tiling().stride, Tiling(1).stride) == (512, 256, 1)
    for arguments, message in (
        (dict(size=0), 'size must be a whole number'),
        (dict(batch=0), 'batch must be a whole number'),
        (dict(size=32, stride=33), 'stride must be from 1'),
    ):
        with pytest.raises(ValueError, match=message):
            Tiling(**arguments)


def test_no_probability_is_above_one(pixelwise, write_raster):
    model, (path, _) = pixelwise(), write_raster(200, 40)
    model.layer.bias.data[1] = 999
    assert predict_raster(model, path, Tiling(32, 11)).max() == 1


def test_weights_that_are_no_numbers(pixelwise, write_raster):
    model, (path, _) = pixelwise(), write_raster(200, 40)
    torch.nn.init.constant_(model.layer.weight, float('nan'))
    with pytest.raises(ValueError, match='are no numbers'):
        predict_raster(model, path, Tiling(32))
