"""What every way to read an image accepts, and what it refuses."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets.contract import (
    check_image,
    find_swap,
    image_shape,
    read_image,
)
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.masks import mask_shape, read_mask
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
