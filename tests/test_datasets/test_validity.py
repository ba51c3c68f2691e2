"""Where an image holds data, by what it and files beside it declare."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window

pytestmark = pytest.mark.usefixtures('quiet')

rng = np.random.default_rng(0)
SHAPE = 40, 48
VALUES = rng.integers(1, 256, (3, *SHAPE), np.uint8)
VALUES[0, :9] = 0  # black in one band is no hole
VALID = rng.random(SHAPE) < 0.7
VALUES *= VALID
WINDOW, INSIDE = Window(30, -6, 30, 20), np.s_[94:114, 130:160]


BAND = '<PAMRasterBand band="{}"><NoDataValue>{}</NoDataValue></PAMRasterBand>'
BANDS = ''.join(BAND.format(band, 0) for band in (1, 2, 3))
NOTED = dict.fromkeys(('noted', 'above'), f'<PAMDataset>{BANDS}</PAMDataset>')
SILENT = ('', '<PAMDataset>', BANDS.replace('PAMR', 'R'), BAND.format(1, 0))


def declare(kind, path, write):
    """Write VALUES, and by some means that only VALID ones are data."""
    alpha = np.stack([*VALUES, VALID * np.uint8(7)])
    options = dict(nodata=dict(nodata=0), above=dict(nodata=9))
    options['colour'] = dict(transparency=(0, 0, 0))
    # Where GDAL's own mask is not that of the alpha band.
    options['both'] = dict(nodata=7, alpha='YES')
    options['five'] = dict(alpha='YES')
    bands = dict(alpha=alpha, both=alpha, five=alpha[[0, 1, 2, 3, 0]])
    write(path, bands.get(kind, VALUES), **options.get(kind, {}))
    if kind == 'inside':
        options = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True)
        with options, rasterio.open(path, 'r+') as file:
            file.write_mask(VALID)
    elif kind == 'beside':
        mask = write(path.with_name('mask.tif'), VALID * np.uint8(255))
        Path(mask).rename(f'{path}.msk')
    elif kind in NOTED:
        Path(f'{path}.aux.xml').write_text(NOTED[kind])
    return str(path)


@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        ('a.tif', 'nodata'),
        ('a.tif', 'alpha'),
        ('a.tif', 'both'),
        ('a.tif', 'five'),
        ('a.png', 'alpha'),
        ('a.png', 'colour'),
        ('a.tif', 'inside'),
        ('a.tif', 'beside'),
        ('a.jpg', 'beside'),
        ('a.tif', 'noted'),
        ('a.tif', 'above'),
        ('a.png', 'noted'),
    ],
)
def test_what_is_declared_is_followed(tmp_path, write, name, kind):
    path = declare(kind, tmp_path / name, write)
    np.testing.assert_array_equal(read_valid(path), VALID)
    around = np.pad(VALID, 100, mode='reflect')[INSIDE]
    np.testing.assert_array_equal(read_valid(path, WINDOW), around)
    if kind not in ('beside', *NOTED):
        content = Path(path).read_bytes()
        np.testing.assert_array_equal(read_valid(content), VALID)


def test_nothing_is_declared(tmp_path, write):
    path = write(tmp_path / 'a.tif', VALUES)
    assert read_valid(path) is None
    for value in ('-9999', '256', 'nan'):
        nodata = {42113: value}  # GDAL's tag
        write(path, VALUES, mode='RGB', tiffinfo=nodata)
        assert read_valid(path) is None
    write(path, VALUES)
    for notes in SILENT:
        (tmp_path / 'a.tif.aux.xml').write_text(notes)
        assert read_valid(path) is None
    write(path, VALUES, nodata=0)
    with pytest.raises(RasterError, match='lies outside'):
        read_valid(path, Window(99, 0, 9, 9))


def test_files_beside_that_cannot_be_used(tmp_path, write):
    path = write(tmp_path / 'a.tif', VALUES)
    mask = tmp_path / 'a.tif.msk'
    mask.write_text('<VRTDataset rasterXSize="48" rasterYSize="40"/>')
    with pytest.raises(RasterError, match="no TIFF.*b'<VRT'"):
        read_valid(path)
    Path(write(tmp_path / 'b.tif', VALUES[:, 1:])).rename(mask)
    with pytest.raises(RasterError, match='its mask a.tif.msk has another si'):
        read_valid(path)
