import numpy as np
import pytest
import rasterio
from affine import Affine

from mmseg_cube.inference.mosaic import open_rasters

SIDE = 24
PLACE = Affine(0.3, 0.1, 5e5, 0.1, -0.3, 5e6)  # rotated


def at(x, y):
    return dict(transform=PLACE * Affine.translation(x, y))


@pytest.mark.parametrize('how', ('whole', 'nodata', 'mask', 'alpha'))
def test_tiles_become_one_raster(write, tmp_path, how):
    """Eight of nine tiles, which overlap by four pixels."""
    rng, step = np.random.default_rng(0), SIDE - 4
    whole = np.zeros((3, 3 * step + 4, 3 * step + 4), np.uint8)
    has_data, paths = np.zeros(whole.shape[1:], bool), []
    for number in range(8):
        y, x = step * (number // 3), step * (number % 3)
        values = rng.integers(1, 255, (3, SIDE, SIDE), np.uint8)
        valid = rng.random((SIDE, SIDE)) < (2 if how == 'whole' else 0.7)
        values[:, ~valid] = 0
        place = slice(y, y + SIDE), slice(x, x + SIDE)
        has_data[place] |= valid
        whole[(slice(None), *place)][:, valid] = values[:, valid]
        about = at(x, y) | dict(nodata=0 if how == 'nodata' else None)
        if how == 'alpha':
            values = np.concatenate([values, 255 * np.uint8(valid)[None]])
            about.update(photometric='RGB', alpha='YES')
        about['valid'] = valid if how == 'mask' else None
        paths.append(write(tmp_path / f'{number}.tif', values, **about))
    with open_rasters(paths) as mosaic:
        assert mosaic.shape == has_data.shape
        assert mosaic.transform.almost_equals(PLACE, 1e-9)
        assert mosaic.crs == 'EPSG:32645'
        np.testing.assert_array_equal(mosaic.dataset_mask() > 0, has_data)
        found = mosaic.read([1, 2, 3])
        np.testing.assert_array_equal(found[:, has_data], whole[:, has_data])
    with open_rasters(paths[:1]) as alone:
        assert alone.shape == (SIDE, SIDE)


GREY = np.zeros((1, SIDE, SIDE), np.uint8)
ODD = {
    'its CRS is not EPSG:32645, but EPSG:32644': dict(crs='EPSG:32644'),
    'its CRS is not EPSG:32645, but none': dict(crs=None),
    'its bands is not gray, but gray undefined': dict(
        values=np.concatenate([GREY, GREY])
    ),
    'its values is not uint8, but uint16': dict(dtype='uint16'),
    'its nodata is not None, but 7.0': dict(nodata=7),
    'its scale is not 1, but 0.5': dict(scale=0.5),
    'its pixels is not 0.3 0.1 0.1 -0.3, but': dict(
        transform=PLACE * Affine.scale(2)
    ),
    'it begins at column 24.40 and row 0.00 of it': at(SIDE + 0.4, 0),
}


@pytest.mark.parametrize('message', ODD)
def test_the_odd_file_is_named(write, tmp_path, message):
    paths = [
        write(tmp_path / f'{x}.tif', GREY, **at(x * SIDE, 0)) for x in range(3)
    ]
    about = dict(ODD[message])
    scale = about.pop('scale', None)
    write(paths[1], **dict(at(SIDE, 0), values=GREY) | about)
    if scale:
        with rasterio.open(paths[1], 'r+') as file:
            file.scales = [scale]
    with pytest.raises(ValueError, match=f'1.tif: is no .*{message}') as error:
        open_rasters(paths)
    assert len(str(error.value).replace(str(tmp_path), '')) < 300


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('vrt.tif', '<VRTDataset', 'is no TIFF, PNG or JPEG file'),
        ('text.img', 'text', 'not recognized'),
    ],
)
def test_what_is_no_raster(tmp_path, name, text, message):
    """Missing files and addresses are refused in tests of the command."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=f'{name}: .*{message}'):
        open_rasters([path])
