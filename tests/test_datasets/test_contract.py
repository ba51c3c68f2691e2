"""What every way to read an image accepts, and what it refuses."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp

from mmseg_cube.datasets.contract import (
    check_image,
    errors_of_pair,
    image_shape,
    read_image,
    read_rgb,
)
from mmseg_cube.datasets.errors import FileError, RasterError
from mmseg_cube.datasets.masks import mask_shape, read_mask
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.quiet import quiet_libraries

SHAPE = 40, 48
NOISE = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
BINARY = NOISE[0] // 128
WHOLE = Window(0, 0, 48, 40)
IMAGE_READERS = dict(
    check=check_image,
    shape=image_shape,
    whole=read_image,
    window=lambda path: read_image(path, WHOLE),
    content=lambda path: read_image(Path(path).read_bytes()),
)
MASK_READERS = dict(
    whole=read_mask,
    window=lambda path: read_mask(path, WHOLE),
    content=lambda path: read_mask(Path(path).read_bytes()),
)


@pytest.fixture(autouse=True)
def _quiet():
    with quiet_libraries():
        yield


def refused(readers, path):
    """What all readers say of a file, which is the same."""
    said = set()
    for read in readers.values():
        with pytest.raises(RasterError) as caught:
            read(path)
        said.add(str(caught.value))
    (text,) = said
    return text


def save(path, values, mode, **options):
    """Save bands as another kind of image by Pillow."""
    image = Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0)))
    image.convert(mode).save(path, **options)
    return str(path)


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
    assert check_image(path) == image_shape(path) == SHAPE
    for way in ('whole', 'window', 'content'):
        pixels = IMAGE_READERS[way](path)
        assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, expected)
    assert read_valid(path) is None
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(
    'names',
    ['blue green red', 'green red blue', 'red green blue alpha'],
)
def test_declared_order_of_bands_is_followed(tmp_path, write, names):
    names = [ColorInterp[name] for name in names.split()]
    path = write(tmp_path / 'a.tif', NOISE[[0, 1, 2, 0]][: len(names)])
    with rasterio.open(path, 'r+') as file:
        file.colorinterp = names
    order = [names.index(colour) for colour in (3, 4, 5)]
    np.testing.assert_array_equal(read_rgb(path), NOISE[order])
    for way in ('whole', 'window', 'content'):
        pixels = IMAGE_READERS[way](path)
        np.testing.assert_array_equal(pixels[..., 2], NOISE[order[0]])
        np.testing.assert_array_equal(pixels[..., 0], NOISE[order[2]])


@pytest.mark.parametrize(
    ('name', 'values', 'options', 'said'),
    [
        ('a.tif', NOISE[:1], {}, '1 band(s) of uint8 (gray)|-b 1 -b 1 -b 1'),
        ('a.png', NOISE[:1], {}, '1 band(s) of uint8 (gray)|-b 1 -b 1 -b 1'),
        ('a.jpg', NOISE[:1], {}, '1 band(s) of uint8 (gray)|-b 1 -b 1 -b 1'),
        ('a.png', NOISE, dict(mode='P'), '(palette)|-expand rgb'),
        ('a.png', NOISE, dict(mode='LA'), '2 band(s) of uint8|-b 1 -b 1 -b 1'),
        (
            'a.tif',
            NOISE[[0, 1, 2, 0]],
            dict(alpha='no'),
            '4 band(s) of uint8 (red, green, blue, undefined)|-b 1 -b 2 -b 3',
        ),
        ('a.tif', np.uint16(NOISE), {}, '3 band(s) of uint16|-scale'),
        (
            'a.png',
            NOISE[0].astype(np.uint16),
            {},
            '1 band(s) of uint16|-scale',
        ),
        ('a.tif', np.float32(NOISE), {}, '3 band(s) of float32|-scale'),
        ('a.tif', NOISE // 16, dict(nbits=4), '3 band(s) of 4 bits|-scale'),
        (
            'a.tif',
            NOISE,
            dict(photometric='miniswhite'),
            'white-is-zero|=RGB',
        ),
        ('a.tif', NOISE, dict(mode='LAB'), 'stored as CIELAB|PIL.Image.open'),
        ('a.tif', NOISE, dict(mode='CMYK'), 'stored as CMYK|PIL.Image.open'),
        ('a.jpg', NOISE, dict(mode='CMYK'), 'stored as CMYK|PIL.Image.open'),
        ('a.jpg', NOISE, dict(exif=6), 'shown (orientation 6)|upright'),
        ('a.png', NOISE, dict(exif=3), 'shown (orientation 3)|upright'),
        ('a.tif', NOISE, dict(exif=2), 'shown (orientation 2)|upright'),
    ],
)
def test_images_that_are_not_rgb(tmp_path, write, name, values, options, said):
    turn = options.get('exif')
    if turn:
        exif = Image.Exif()
        exif[0x0112] = turn
        options = dict(mode='RGB', exif=exif)
    path = tmp_path / name
    path = (save if 'mode' in options else write)(path, values, **options)
    text = refused(IMAGE_READERS, path)
    for part in said.split('|'):
        assert part in text


def test_48_bits_of_png(tmp_path):
    deep = tmp_path / 'a.png'
    cv2.imwrite(str(deep), np.uint16(NOISE.transpose(1, 2, 0)) * 16)
    assert '3 band(s) of uint16 (red' in refused(IMAGE_READERS, str(deep))


@pytest.mark.parametrize('share', [0.6, 0.1, 0.0])
@pytest.mark.parametrize(
    ('name', 'options'),
    [(f'a.{x}', {}) for x in ('png', 'jpg', 'tif')]
    + [('a.tif', dict(compress='lzw'))],
)
def test_damaged_files(tmp_path, write, name, options, share, capfd):
    kinds = {k: v for k, v in IMAGE_READERS.items() if k != 'shape'}
    for values, readers in ((NOISE, kinds), (NOISE[0], MASK_READERS)):
        path = write(tmp_path / name, values, **options)
        data = Path(path).read_bytes()
        Path(path).write_bytes(data[: int(len(data) * share)])
        for read in readers.values():
            with pytest.raises(RasterError, match='damaged'):
                read(path)
        # GDAL keeps its last error for the thread, whatever it was about.
        good = write(tmp_path / 'good.tif', BINARY)
        assert mask_shape(good) == SHAPE
        np.testing.assert_array_equal(read_mask(good), BINARY)
    assert capfd.readouterr() == ('', '')


def test_missing_files(tmp_path):
    (tmp_path / 'link.tif').symlink_to(tmp_path / 'gone.tif')
    for readers in (IMAGE_READERS, MASK_READERS):
        for name in set(readers) - {'content'}:
            with pytest.raises(RasterError, match='missing.*No such file'):
                readers[name](str(tmp_path / 'link.tif'))


def test_swapped_files(tmp_path, write):
    image = write(tmp_path / 'image.tif', NOISE)
    other = write(tmp_path / 'other.png', NOISE)
    mask = write(tmp_path / 'mask.tif', BINARY)
    black = write(tmp_path / 'black.png', np.zeros((3, *SHAPE), np.uint8))
    three = write(tmp_path / 'three.png', np.stack([BINARY * 255] * 3))
    for pair in ((mask, image), (three, other)):
        with (
            pytest.raises(FileError, match='image and mask look swapped'),
            errors_of_pair(*pair),
        ):
            raise RasterError('one of them')
    fine = (image, mask), (black, other), (image, None), ('gone.tif', mask)
    for pair in fine:
        with (
            pytest.raises(RasterError, match='one of them'),
            errors_of_pair(*pair),
        ):
            raise RasterError('one of them')
