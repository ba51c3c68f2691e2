import zipfile

import numpy as np
import pytest
import rasterio

from mmseg_cube.inference.submission import STEMS, check_archive, pack_archive

ZEROS = np.zeros((8, 8), np.uint8)
SHAPES = dict.fromkeys(STEMS, ZEROS.shape)


def encode(values=ZEROS, **options):
    bands = np.atleast_3d(values.T).T
    count, height, width = bands.shape
    profile = dict(driver='GTiff', count=count, height=height, width=width)
    profile.update(dtype='uint8', compress='CCITTFAX4', nbits=1)
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile | options) as file:
            file.write(bands)
        return memory.read()


GOOD = encode()
FAULTS = {
    'sfo2.tif: is missing': dict(sfo2=None),
    'sfo2.tif: is empty': dict(sfo2=b''),
    'sfo2.tif: cannot be read, it is damaged': dict(sfo2=b'nothing'),
    'sfo2.tif: cannot be read': dict(sfo2=GOOD[:100]),
    'sfo2.tif: is 4 x 8 pixels, not 8 x 8': dict(sfo2=encode(ZEROS[:, :4])),
    'sfo2.tif: has pixels of uint8, not of 1 bit, has compression LZW, not '
    'CCITTFAX4': dict(sfo2=encode(nbits=8, compress='LZW')),
    'sfo2.tif: has 3 bands, not one': dict(
        sfo2=encode(np.zeros((3, 8, 8)), compress='LZW')
    ),
    'sfo2.tif: stores white as 0': dict(sfo2=encode(photometric='MINISWHITE')),
    'sfo2.tif: is a PNG': dict(sfo2=encode(driver='PNG', compress=None)),
    'tiles/sfo2.tif: is not at the root': {'tiles/sfo2': GOOD},
    'austin1.tif: does not belong there': dict(austin1=GOOD),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_faults_of_an_archive(tmp_path, fault):
    tiles = dict.fromkeys(STEMS, GOOD) | FAULTS[fault]
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w') as file:
        for stem, content in tiles.items():
            if content is not None:
                file.writestr(f'{stem}.tif', content)
    ((found,), _) = check_archive(path, SHAPES)
    assert found.startswith(fault)


def test_damaged_archives(tmp_path):
    path = tmp_path / 'a.zip'
    for stem in STEMS:
        (tmp_path / f'{stem}.tif').write_bytes(GOOD)
    pack_archive(tmp_path, path, STEMS)
    content = path.read_bytes()
    assert check_archive(path, SHAPES)[0] == []
    path.write_bytes(content[:3000])
    ((found,), _) = check_archive(path, SHAPES)
    assert found.startswith('it is no zip archive, or cut short')
    # A bit of the first tile.
    path.write_bytes(content[:60] + bytes([content[60] ^ 255]) + content[61:])
    ((found,), _) = check_archive(path, SHAPES)
    assert found.startswith('bellingham1.tif: cannot be unpacked')
    path.write_bytes(content)
    with (
        zipfile.ZipFile(path, 'a') as file,
        pytest.warns(UserWarning, match='Duplicate'),
    ):
        file.writestr('sfo1.tif', GOOD)
    assert check_archive(path, SHAPES)[0] == ['sfo1.tif: is there 2 times']
