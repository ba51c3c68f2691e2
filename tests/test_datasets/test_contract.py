"""What every way to read an image or a mask accepts, and what it refuses."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from PIL import Image

from mmseg_cube.datasets.contract import (
    check_image,
    find_swap,
    image_shape,
    mask_shape,
    read_image,
    read_mask,
)
from mmseg_cube.datasets.errors import RasterError
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
PALETTE = {0: (255, 255, 255, 255), 1: (0, 0, 0, 255)}  # white first


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


@pytest.mark.parametrize('suffix', ['.tif', '.png', '.jpg'])
def test_images(tmp_path, write, suffix, capfd):
    path = write(tmp_path / f'a{suffix}', NOISE)
    expected = cv2.imread(path)  # as MMSegmentation reads in training
    assert check_image(path) == image_shape(path) == SHAPE
    for name in ('whole', 'window', 'content'):
        pixels = IMAGE_READERS[name](path)
        assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, expected)
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(
    ('name', 'values', 'found'),
    [
        ('a.tif', NOISE[:1], '1 band(s) of uint8'),
        ('a.tif', NOISE[[0, 1, 2, 0]], '4 band(s) of uint8'),
        ('a.tif', NOISE.astype(np.uint16), '3 band(s) of uint16'),
        ('a.tif', NOISE.astype(np.float32), '3 band(s) of float32'),
        ('a.png', NOISE[:1], '1 band(s) of uint8'),
        ('a.png', NOISE[[0, 1, 2, 0]], '4 band(s) of uint8'),
        ('a.png', NOISE[0].astype(np.uint16), '1 band(s) of uint16'),
        ('a.jpg', NOISE[:1], '1 band(s) of uint8'),
    ],
)
def test_images_that_are_not_rgb(tmp_path, write, name, values, found):
    text = refused(IMAGE_READERS, write(tmp_path / name, values))
    assert f'image has {found}, not 8-bit RGB' in text
    assert ('gdal_translate' in text) == name.endswith('.tif')


def test_images_that_loading_would_change(tmp_path, write):
    exif = Image.Exif()
    exif[0x0112] = 6
    for suffix in ('.jpg', '.png'):
        path = write(tmp_path / f'a{suffix}', NOISE, exif=exif)
        assert 'EXIF orientation 6' in refused(IMAGE_READERS, path)
    path = str(tmp_path / 'four inks.jpg')
    Image.fromarray(NOISE.transpose(1, 2, 0)).convert('CMYK').save(path)
    with pytest.raises(RasterError, match='image has 4 band'):
        read_image(path)


@pytest.mark.parametrize('suffix', ['.tif', '.TIFF', '.png'])
@pytest.mark.parametrize('top', [1, 255])
@pytest.mark.parametrize('bands', [1, 3])
def test_masks(tmp_path, write, suffix, top, bands):
    path = write(tmp_path / f'a{suffix}', np.stack([BINARY * top] * bands))
    assert mask_shape(path) == SHAPE
    for read in MASK_READERS.values():
        mask = read(path)
        assert mask.dtype == np.uint8 and mask.flags.c_contiguous
        np.testing.assert_array_equal(mask, BINARY)
    for label in (0, 1):  # also if it holds nothing else
        path = write(tmp_path / 'a.png', np.full(SHAPE, label * top, np.uint8))
        assert (read_mask(path) == label).all()


def test_masks_of_few_bits(tmp_path, write):
    fax = dict(nbits=1, compress='CCITTFAX4')
    write(tmp_path / 'a.tif', BINARY, **fax)
    Image.fromarray(BINARY * 255).convert('1').save(tmp_path / 'b.png')
    for name in ('a.tif', 'b.png'):
        np.testing.assert_array_equal(read_mask(tmp_path / name), BINARY)
    profile = dict(width=2, height=1, count=1, dtype='uint8', nbits=4)
    with rasterio.open(tmp_path / 'c.png', 'w', 'PNG', **profile) as file:
        file.write(np.array([[[0, 15]]], np.uint8))
    assert (tmp_path / 'c.png').read_bytes()[24] == 4  # bits of a pixel
    np.testing.assert_array_equal(read_mask(tmp_path / 'c.png'), [[0, 1]])


def test_masks_that_are_inverted(tmp_path, write):
    path = write(tmp_path / 'a.tif', BINARY, photometric='miniswhite')
    readers = dict(MASK_READERS, shape=mask_shape)
    assert 'white-is-zero' in refused(readers, path)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_masks_with_a_palette(tmp_path, write, suffix):
    path = tmp_path / f'a{suffix}'
    image = Image.fromarray(1 - BINARY).convert('P')
    image.putpalette([255, 255, 255, 0, 0, 0])
    if suffix == '.png':
        image.save(path)
    else:
        write(path, 1 - BINARY, photometric='palette', colormap=PALETTE)
    # Black and white are followed, wherever they stand in the palette.
    np.testing.assert_array_equal(read_mask(path), 1 - BINARY == 0)
    for read in (mask_shape, lambda path: read_mask(path, WHOLE)):
        with pytest.raises(RasterError, match='mask has a palette, which'):
            read(path)
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / 'colours.png')
    coloured = read_mask(tmp_path / 'colours.png')
    np.testing.assert_array_equal(coloured, 1 - BINARY)


@pytest.mark.parametrize(
    ('values', 'found'),
    [
        (NOISE[0], 'holds the values 0, 1, 2, 3, 4, 5, 6, 7 and 248 more'),
        (BINARY * 7, 'mask holds the values 0, 7'),
        (BINARY * 0 + 7, 'mask holds the values 7'),
        (NOISE[0] % 3 // 2 * 254 + BINARY, 'holds the values 0, 1, 254, 255'),
        (NOISE, 'mask has three bands that differ'),
        (np.stack([BINARY] * 4), 'mask has 4 bands'),
        (BINARY.astype(np.float32), 'mask holds float32 values'),
    ],
)
def test_masks_outside_the_contract(tmp_path, write, values, found):
    suffixes = ['.tif', '.png'] if values.dtype == np.uint8 else ['.tif']
    for suffix in suffixes:
        text = refused(MASK_READERS, write(tmp_path / f'a{suffix}', values))
        assert f'{found}. Write one band of 0 ' in text


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
    for swapped in ((mask, image), (three, other)):
        assert 'image and mask look swapped' in find_swap(*swapped)
    fine = (image, mask), (black, other), (image, None), ('gone.tif', mask)
    for pair in fine:
        assert find_swap(*pair) == ''
