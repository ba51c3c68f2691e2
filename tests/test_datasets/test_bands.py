"""What of an image becomes the channels of a network."""

import numpy as np
import pytest

from mmseg_cube.datasets.bands import RGB, Channels, as_picture
from mmseg_cube.datasets.contract import check_image, read_image, read_rgb
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window

pytestmark = pytest.mark.usefixtures('quiet')
NINE = np.random.default_rng(0).integers(0, 3000, (9, 20, 24), np.uint16)
BYTES = NINE.astype(np.uint8)


def scaled(values, low, high):
    values = (np.float64(values) - low) * 255 / (high - low)
    return np.rint(values.clip(0, 255)).astype(np.uint8)


TWO = np.stack([scaled(NINE[0], 0, 9), scaled(NINE[1], 5, 50)])


@pytest.mark.parametrize(
    ('values', 'bands', 'scale', 'seen'),
    [
        (NINE, (4, 1, 2), (0, 2047), scaled(NINE[[3, 0, 1]], 0, 2047)),
        (NINE[:3], None, (10, 500), scaled(NINE[:3], 10, 500)),
        (NINE[:4], [4, 1, 2, 3], [0, 99], scaled(NINE[[3, 0, 1, 2]], 0, 99)),
        (NINE, range(1, 10), (0, 255), scaled(NINE, 0, 255)),
        (np.int16(NINE) - 900, 1, (-900, 9), scaled(NINE[:1], 0, 909)),
        (np.float32(NINE) / 3000, (2,), (0, 1), scaled(NINE[[1]], 0, 3000)),
        (np.uint32(NINE) << 20, (9,), (0, 2**31), scaled(NINE[8:], 0, 2048)),
        (NINE, (1, 2), ((0, 9), (5, 50)), TWO),
        (BYTES[:1], (1, 1, 1), None, BYTES[[0, 0, 0]]),
        (BYTES[:4], (4, 3, 2, 1), None, BYTES[3::-1]),
        (BYTES[:3], None, None, BYTES[:3]),
    ],
)
def test_channels(tmp_path, write, values, bands, scale, seen):
    path = write(tmp_path / 'a.tif', values)
    channels = Channels(bands, scale)
    assert channels.count == len(seen)
    assert hash(channels) == hash(Channels(channels.bands, channels.scale))
    got = read_rgb(path, channels=channels)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, seen)
    assert check_image(path, channels)[:2] == seen.shape[1:]
    # Reflected on the left, and three the other way round.
    image = read_image(path, Window(-2, 3, 10, 9), channels)
    assert image.flags.c_contiguous
    shown = seen[::-1] if len(seen) == 3 else seen
    shown = shown.transpose(1, 2, 0)[3:12, np.abs(np.arange(-2, 8))]
    np.testing.assert_array_equal(image, shown)
    assert as_picture(seen).shape == (20, 24, 3)


def test_alpha_is_a_band_where_it_is_named(tmp_path, write):
    values = BYTES[:4].copy()
    values[3, :7] = 0
    path = write(tmp_path / 'a.tif', values)  # GDAL calls the fourth alpha
    np.testing.assert_array_equal(read_rgb(path), values[:3])
    for bands in (None, (1, 2, 3), (3, 3)):
        valid = read_valid(path, channels=Channels(bands))
        np.testing.assert_array_equal(valid, values[3] > 0)
    infrared = Channels((4, 1, 2))
    assert read_valid(path, channels=infrared) is None
    got = read_rgb(path, channels=infrared)
    np.testing.assert_array_equal(got, values[[3, 0, 1]])


def test_what_is_no_number_is_no_data(tmp_path, write):
    values = np.float32(NINE[:4])
    values[0, 2] = values[3, 5] = np.nan
    values[1, 3] = np.inf
    path = write(tmp_path / 'a.tif', values)
    channels = Channels((1, 2, 3), (0, 3000))
    valid = np.ones((20, 24), bool)
    valid[2] = False
    np.testing.assert_array_equal(read_valid(path, None, channels), valid)
    seen = read_rgb(path, channels=channels)
    assert (seen[0, 2] == 0).all() and (seen[1, 3] == 255).all()


@pytest.mark.parametrize(
    ('values', 'bands', 'scale', 'said'),
    [
        (NINE, None, None, '9 band.s. of uint16|Name bands=.R, G, B. and sca'),
        (NINE, (10, 1, 1), (0, 9), '9 band.*, but bands=.10, 1, 1. are|that'),
        (NINE, (1, 2, 3), None, 'uint16 .*, not of 8 bits|Name scale=.LOW, H'),
        (np.uint8(NINE[:3]), None, (0, 2047), 'scale is .*2047|^.*Correct'),
        (np.complex64(NINE[:3]), None, (0, 1), 'complex64|^.*Convert all'),
    ],
)
def test_images_that_have_not_what_is_named(
    tmp_path, write, values, bands, scale, said
):
    path = write(tmp_path / 'a.tif', values)
    channels = Channels(bands, scale)
    for part in said.split('|'):
        for read in (check_image, read_rgb, read_image):
            with pytest.raises(RasterError, match=part):
                read(path, channels=channels)


BANDS = (), 0, (1, -2), 1.5, 'red', (1.5,), (1, None)
SCALES = 5, 'x', (1, 0), (0, 0), (0, np.nan), (0, 1, 2), ((0, 1),) * 2


@pytest.mark.parametrize(
    ('name', 'value'),
    [('bands', x) for x in BANDS] + [('scale', x) for x in SCALES],
)
def test_wrong_options(name, value):
    with pytest.raises(ValueError, match=f'{name} must be .* not '):
        Channels(**{name: value})


def test_what_is_seen_unless_named():
    assert Channels(scale=[[0, 9]]) == Channels(scale=(0.0, 9.0)) != RGB
    assert Channels() == RGB and RGB.count == 3
