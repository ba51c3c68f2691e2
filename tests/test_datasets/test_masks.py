"""What every way to read a mask accepts, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.masks import mask_shape, read_mask
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.quiet import quiet_libraries

SHAPE = 40, 48
NOISE = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
BINARY = NOISE[0] // 128
WHOLE = Window(0, 0, 48, 40)
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
@pytest.mark.parametrize(
    ('first', 'second', 'building'),
    [
        # Black and white are followed, wherever they stand in the palette.
        ((255, 255, 255), (0, 0, 0), 0),
        ((0, 0, 0), (255, 255, 255), 1),
        # Of other palettes the index counts.
        ((0, 0, 0), (128, 0, 0), 1),
        ((0, 0, 0), (255, 0, 0), 1),
        ((0, 0, 0), (0, 0, 255), 1),
        ((255, 255, 255), (222, 184, 135), 1),
    ],
)
def test_masks_with_a_palette(
    tmp_path, write, suffix, first, second, building
):
    path = tmp_path / f'a{suffix}'
    palette = {0: (*first, 255), 1: (*second, 255)}
    for indices in (BINARY, BINARY * 0, BINARY * 0 + 1):
        if suffix == '.png':
            image = Image.fromarray(indices).convert('P')
            image.putpalette([*first, *second])
            image.save(path)
        else:
            write(path, indices, photometric='palette', colormap=palette)
        for read in MASK_READERS.values():
            np.testing.assert_array_equal(read(path), indices == building)


@pytest.mark.parametrize(
    ('values', 'found'),
    [
        (NOISE[0], 'holds the values 0, 1, 2, 3, 4, 5, 6, 7 and 248 more'),
        (BINARY * 7, 'mask holds the values 0, 7'),
        (BINARY * 0 + 7, 'mask holds the values 7'),
        (NOISE[0] % 3 // 2 * 254 + BINARY, 'holds the values 0, 1, 254, 255'),
        (NOISE, 'and 1912 more'),
        (np.stack([BINARY] * 4), 'mask has 4 bands'),
        (BINARY.astype(np.float32), 'mask holds float32 values'),
    ],
)
def test_masks_outside_the_contract(tmp_path, write, values, found):
    suffixes = ['.tif', '.png'] if values.dtype == np.uint8 else ['.tif']
    for suffix in suffixes:
        text = refused(MASK_READERS, write(tmp_path / f'a{suffix}', values))
        assert f'{found}. Write one band of 0 ' in text
