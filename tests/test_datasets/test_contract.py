"""What every way to read an image or a mask accepts, and what it refuses."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp

from mmseg_cube.datasets import windows
from mmseg_cube.datasets.contract import (
    check_image,
    image_shape,
    read_image,
    read_rgb,
)
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.masks import learn_mask, read_mask
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window

pytestmark = pytest.mark.usefixtures('quiet')

SHAPE = 40, 48
NOISE = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
BINARY = NOISE[0] // 128
WHOLE = Window(0, 0, 48, 40)
IMAGE_PIXELS, MASK_PIXELS = (
    dict(
        whole=read,
        window=partial(read, window=WHOLE),
        content=lambda path, read=read: read(Path(path).read_bytes()),
    )
    for read in (read_image, read_mask)
)
IMAGE_READERS = dict(IMAGE_PIXELS, check=check_image, shape=image_shape)


def refused(readers, path):
    """What all readers say of a file, which is the same."""
    said = set()
    for read in readers.values():
        with pytest.raises(RasterError) as caught:
            read(path)
        said.add(str(caught.value))
    (text,) = said
    return text


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('a.png', {}),
        ('a.jpg', {}),
        ('a.tif', {}),
        ('a.tif', dict(photometric='minisblack')),
        ('a.tif', dict(interleave='band', tiled=True, blockxsize=16)),
        ('a.tif', dict(compress='zstd', predictor=2, BIGTIFF='YES')),
        ('a.tif', dict(compress='lerc')),
        ('a.tif', dict(photometric='ycbcr', compress='jpeg')),
    ],
)
def test_images(tmp_path, write, name, options, capfd):
    path = write(tmp_path / name, NOISE, **options)
    with rasterio.open(path) as file:
        expected = file.read()[::-1].transpose(1, 2, 0)
    if name == 'a.jpg':  # GDAL spreads its colours otherwise
        expected = cv2.imread(path)
    assert check_image(path)[:2] == image_shape(path) == SHAPE
    for read in IMAGE_PIXELS.values():
        pixels = read(path)
        assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, expected)
    assert read_valid(path) is None
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(
    'names', ['blue green red', 'green red blue', 'red green blue alpha']
)
def test_declared_order_of_bands_is_followed(tmp_path, write, names):
    names = [ColorInterp[name] for name in names.split()]
    path = write(tmp_path / 'a.tif', NOISE[[0, 1, 2, 0]][: len(names)])
    with rasterio.open(path, 'r+') as file:
        file.colorinterp = names
    rgb = NOISE[[names.index(colour) for colour in (3, 4, 5)]]
    np.testing.assert_array_equal(read_rgb(path), rgb)
    for read in IMAGE_PIXELS.values():
        pixels = read(path).transpose(2, 0, 1)
        np.testing.assert_array_equal(pixels[::-1], rgb)


ONE_BAND = '1 band(s) of uint8 (gray)|bands=(1, 1, 1) in|-b 1 -b 1 -b 1'
CMYK = 'stored as CMYK|PIL.Image.open'


@pytest.mark.parametrize(
    ('name', 'values', 'options', 'said'),
    [
        ('a.tif', NOISE[:1], {}, ONE_BAND),
        ('a.png', NOISE[:1], {}, ONE_BAND),
        ('a.jpg', NOISE[:1], {}, ONE_BAND),
        ('a.png', NOISE, dict(mode='P'), '(palette)|-expand rgb'),
        ('a.png', NOISE, dict(mode='LA'), '2 band(s) of uint8|-b 1 -b 1 -b 1'),
        (
            'a.tif',
            NOISE[[0, 1, 2, 0]],
            dict(alpha='no'),
            '4 band(s) of uint8 (red, green, blue, undefined)|-b 1 -b 2 -b 3',
        ),
        ('a.tif', np.uint16(NOISE), {}, '3 band(s) of uint16|-scale'),
        ('a.png', np.uint16(NOISE[0]), {}, '1 band(s) of uint16|-scale'),
        ('a.png', np.uint16(NOISE), dict(driver='PNG'), '3 band(s) of uint16'),
        ('a.tif', np.float32(NOISE), {}, 'float32|scale=(LOW, HIGH) in|-sc'),
        ('a.tif', NOISE // 16, dict(nbits=4), '3 band(s) of 4 bits|-scale'),
        ('a.tif', NOISE, dict(photometric='miniswhite'), 'is-zero|=RGB'),
        ('a.tif', NOISE[:1], dict(photometric='miniswhite'), 'is-zero|PIL.'),
        ('a.tif', NOISE, dict(mode='LAB'), 'stored as CIELAB|PIL.Image.open'),
        ('a.tif', NOISE, dict(mode='CMYK'), CMYK),
        ('a.jpg', NOISE, dict(mode='CMYK'), CMYK),
        ('a.jpg', NOISE, dict(turned=6), 'shown (orientation 6)|upright'),
        ('a.tif', NOISE, dict(turned=2), 'shown (orientation 2)|upright'),
    ],
)
def test_images_that_are_not_rgb(tmp_path, write, name, values, options, said):
    if 'turned' in options:
        exif = Image.Exif()
        exif[0x0112] = options['turned']
        options = dict(mode='RGB', exif=exif)
    text = refused(IMAGE_READERS, write(tmp_path / name, values, **options))
    for part in said.split('|'):
        assert part in text


@pytest.mark.parametrize('suffix', ['.tif', '.TIFF', '.png'])
@pytest.mark.parametrize('top', [1, 255])
@pytest.mark.parametrize('bands', [1, 3])
def test_masks(tmp_path, write, suffix, top, bands):
    path = write(tmp_path / f'a{suffix}', np.stack([BINARY * top] * bands))
    assert learn_mask(path)[:2] == SHAPE
    for read in MASK_PIXELS.values():
        mask = read(path)
        assert mask.dtype == np.uint8 and mask.flags.c_contiguous
        np.testing.assert_array_equal(mask, BINARY)
    for label in (0, 1):  # also if it holds nothing else
        path = write(tmp_path / 'a.png', np.full(SHAPE, label * top, np.uint8))
        assert (read_mask(path) == label).all()


@pytest.mark.parametrize(
    ('name', 'values', 'options'),
    [
        ('a.tif', BINARY, dict(nbits=1, compress='CCITTFAX4')),
        ('a.png', BINARY * 255, dict(mode='1')),
        ('a.png', BINARY * 15, dict(driver='PNG', nbits=4)),
        # Black and white are followed, wherever they stand in a palette.
        ('b.png', 1 - BINARY, dict(palette=[(255,) * 3, (0,) * 3])),
        ('b.tif', 1 - BINARY, dict(palette=[(255,) * 3, (0,) * 3])),
        ('b.tif', BINARY, dict(palette=[(255,) * 3, (222, 184, 135)])),
    ],
)
def test_masks_of_few_bits_or_with_a_palette(
    tmp_path, write, name, values, options
):
    path = write(tmp_path / name, values, **options)
    if name == 'a.png':
        bits = Path(path).read_bytes()[24]
        assert bits == options.get('nbits', 1)
    np.testing.assert_array_equal(read_mask(path), BINARY)


@pytest.mark.parametrize(
    ('values', 'found'),
    [
        (NOISE[0], 'holds the values 0, 1, 2, 3, 4, 5, 6, 7 and 248 more'),
        (BINARY * 7, 'mask holds the values 0, 7'),
        (BINARY * 0 + 7, 'mask holds the values 7'),
        (NOISE[0] % 3 // 2 * 254 + BINARY, 'holds the values 0, 1, 254, 255'),
        (NOISE, 'and 1912 more'),
        (np.stack([BINARY] * 4), 'mask has 4 bands'),
        (np.float32(BINARY), 'mask holds float32 values'),
        (np.uint16(NOISE) * 9, 'mask holds colours of 16 bits'),
    ],
)
def test_masks_outside_the_contract(tmp_path, write, values, found):
    suffixes = ['.tif', '.png'] if values.dtype == np.uint8 else ['.tif']
    for suffix in suffixes:
        text = refused(MASK_PIXELS, write(tmp_path / f'a{suffix}', values))
        assert f'{found}. Write one band of 0 ' in text


def test_masks_that_are_inverted_or_turned(tmp_path, write):
    path = write(tmp_path / 'a.tif', BINARY, photometric='miniswhite')
    readers = dict(MASK_PIXELS, learn=learn_mask)
    assert 'white-is-zero' in refused(readers, path)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = write(tmp_path / 'a.tif', BINARY, mode='L', exif=exif)
    assert 'is turned when it is shown' in refused(readers, path)


@pytest.mark.parametrize('share', [0.6, 0.1, 0.0])
@pytest.mark.parametrize(
    ('name', 'options'),
    [(f'a.{x}', {}) for x in ('png', 'jpg', 'tif')]
    + [('a.tif', dict(compress='lzw'))],
)
def test_damaged_files(tmp_path, write, name, options, share, capfd):
    readers = dict(IMAGE_PIXELS, check=check_image)
    for values, kinds in ((NOISE, readers), (NOISE[0], MASK_PIXELS)):
        path = write(tmp_path / name, values, **options)
        data = Path(path).read_bytes()
        Path(path).write_bytes(data[: int(len(data) * share)])
        for read in kinds.values():
            with pytest.raises(RasterError, match='damaged'):
                read(path)
        # GDAL keeps its last error for the thread, whatever it was about.
        good = write(tmp_path / 'good.tif', BINARY)
        assert learn_mask(good)[:2] == SHAPE
        np.testing.assert_array_equal(read_mask(good), BINARY)
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('rows', [1, 20, 99])
def test_blank_is_of_one_colour_however_it_is_cut(
    tmp_path, write, rows, monkeypatch
):
    monkeypatch.setattr(windows, 'BLOCK', rows)
    monkeypatch.setattr(windows, 'STRIP', rows)
    halves = np.full((3, 40, 30), 90, np.uint8)
    assert check_image(write(tmp_path / 'a.tif', halves)) == (40, 30, 0)
    halves[:, 20:] = 91
    assert check_image(write(tmp_path / 'a.tif', halves))[2] != 0


def test_missing_files(tmp_path):
    (tmp_path / 'link.tif').symlink_to(tmp_path / 'gone.tif')
    for read in (check_image, image_shape, read_image, read_mask, learn_mask):
        with pytest.raises(RasterError, match='missing.*No such file'):
            read(str(tmp_path / 'link.tif'))
