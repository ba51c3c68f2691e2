import zipfile

import numpy as np
import pytest
import rasterio

from mmseg_cube.inference.inria_archive import check_archive, pack_archive
from mmseg_cube.inference.submission import STEMS

GOOD = np.zeros((8, 8), np.uint8)
SHAPES = dict.fromkeys(STEMS, GOOD.shape)


def encode(values, **options):
    bands = np.atleast_3d(values.T).T
    profile = dict(
        driver='GTiff', count=len(bands), height=bands.shape[1],
        width=bands.shape[2], dtype='uint8', compress='CCITTFAX4', nbits=1,
    ) | options  # fmt: skip
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(bands)
        return memory.read()


@pytest.fixture
def archive(tmp_path):
    """An archive without a fault."""
    tile = encode(GOOD)
    for stem in STEMS:
        (tmp_path / f'{stem}.tif').write_bytes(tile)
    pack_archive(tmp_path, tmp_path / 'a.zip', STEMS)
    return tmp_path / 'a.zip'


@pytest.mark.parametrize(
    'change, fault',
    [
        (dict(sfo2=None), 'sfo2.tif: is missing'),
        (dict(sfo2=b''), 'sfo2.tif: is empty'),
        (dict(sfo2=b'nothing'), 'sfo2.tif: cannot be read'),
        (dict(sfo2=encode(GOOD)[:100]), 'sfo2.tif: cannot be read'),
        (
            dict(sfo2=encode(GOOD[:, :4])),
            'sfo2.tif: is 4 x 8 pixels, not 8 x 8',
        ),
        (
            dict(sfo2=encode(GOOD, nbits=8, compress='LZW')),
            'sfo2.tif: has pixels of uint8, not of 1 bit, has compression '
            'LZW, not CCITTFAX4',
        ),
        (
            dict(sfo2=encode(np.zeros((3, 8, 8)), compress='LZW')),
            'sfo2.tif: has 3 bands, not one',
        ),
        (
            dict(sfo2=encode(GOOD, photometric='MINISWHITE')),
            'sfo2.tif: stores white as 0',
        ),
        (
            dict(sfo2=encode(GOOD, driver='PNG', compress=None)),
            'sfo2.tif: is a PNG',
        ),
        ({'tiles/sfo2': encode(GOOD)}, 'tiles/sfo2.tif: is not at the root'),
        (dict(austin1=encode(GOOD)), 'austin1.tif: does not belong there'),
    ],
)
def test_faults_of_an_archive(tmp_path, change, fault):
    tiles = dict.fromkeys(STEMS, encode(GOOD)) | change
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w') as file:
        for stem, content in tiles.items():
            if content is not None:
                file.writestr(f'{stem}.tif', content)
    (found,) = check_archive(path, SHAPES)[0]
    assert found.startswith(fault)


def test_one_name_twice(archive):
    assert check_archive(archive, SHAPES)[0] == []
    with (
        zipfile.ZipFile(archive, 'a') as file,
        pytest.warns(UserWarning, match='Duplicate'),
    ):
        file.writestr('sfo1.tif', encode(GOOD))
    faults, _ = check_archive(archive, SHAPES)
    assert faults == ['sfo1.tif: is there 2 times']


def test_archive_that_was_cut_short(archive):
    archive.write_bytes(archive.read_bytes()[:3000])
    (fault,) = check_archive(archive, SHAPES)[0]
    assert fault.startswith('it is no zip archive, or cut short')


def test_flipped_bits_in_an_archive(archive):
    content = bytearray(archive.read_bytes())
    content[60] ^= 255  # in the first tile
    archive.write_bytes(content)
    (fault,) = check_archive(archive, SHAPES)[0]
    assert fault.startswith('bellingham1.tif: cannot be unpacked')
