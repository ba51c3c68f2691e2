import os

import numpy as np
import pytest
import rasterio

from mmseg_cube.datasets.contract import mask_shape, read_mask
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.rasters import (
    close_rasters,
    open_raster,
    raster_shape,
    read_raster,
)
from mmseg_cube.datasets.windows import Window, take_window


@pytest.fixture
def raster(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3, 60, 90), np.uint8)
    return write(tmp_path / 'a.tif', values), values


def write(path, values):
    profile = dict(
        driver='GTiff',
        count=len(values),
        height=values.shape[1],
        width=values.shape[2],
        dtype=values.dtype,
    )
    with rasterio.open(path, 'w', **profile) as file:
        file.write(values)
    return path


def test_whole_raster(raster):
    path, values = raster
    assert raster_shape(path) == (60, 90)
    np.testing.assert_array_equal(read_raster(path), values)


@pytest.mark.parametrize(
    'window',
    [
        (0, 0, 90, 60),
        (10, 20, 30, 5),
        (-7, -9, 40, 40),
        (80, 30, 30, 50),
        (-5, -5, 100, 70),
        (85, 55, 60, 6),
        (-9, 0, 10, 60),
    ],
)
def test_window_is_that_of_the_reflected_raster(raster, window):
    path, values = raster
    x, y, width, height = window
    padded = np.pad(values, ((0, 0), (90, 90), (90, 90)), mode='reflect')
    expected = padded[:, 90 + y : 90 + y + height, 90 + x : 90 + x + width]
    np.testing.assert_array_equal(read_raster(path, Window(*window)), expected)


def test_window_outside(raster):
    path, _ = raster
    with pytest.raises(RasterError, match='lies outside of its 90 x 60'):
        read_raster(path, Window(90, 0, 10, 10))


def test_changed_file_is_read_anew(raster):
    path, values = raster
    read_raster(path)
    write(path, 255 - values)
    os.utime(path, ns=(1, 1))
    np.testing.assert_array_equal(read_raster(path), 255 - values)


def test_missing_and_truncated_files(raster, tmp_path):
    path, _ = raster
    with pytest.raises(RasterError, match='cannot be read, it is missing'):
        read_raster(tmp_path / 'b.tif')
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(RasterError, match='cannot be read.*cut short'):
        read_raster(path)


def test_processes_do_not_share_open_files(raster):
    path, values = raster
    read_raster(path)
    child = os.fork()
    if child == 0:
        same = np.array_equal(read_raster(path), values)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(read_raster(path), values)


def test_window_of_an_array_is_that_of_the_file(raster):
    path, values = raster
    for window in (Window(-7, -9, 40, 40), Window(10, 20, 30, 5)):
        expected = read_raster(path, window)
        np.testing.assert_array_equal(take_window(values, window), expected)
        one = take_window(values[1], window)
        np.testing.assert_array_equal(one, expected[1])


def test_closed_files_are_opened_again(raster):
    path, values = raster
    before = open_raster(path)
    close_rasters()
    assert open_raster(path) is not before
    np.testing.assert_array_equal(read_raster(path), values)


def test_a_damaged_file_is_not_held_against_the_next(tmp_path):
    # GDAL keeps its last error for the thread, whichever file it was about.
    values = np.random.default_rng(0).integers(0, 2, (1, 60, 90), np.uint8)
    good = str(write(tmp_path / 'good.tif', values * 255))
    bad = write(tmp_path / 'bad.tif', values * 255)
    bad.write_bytes(bad.read_bytes()[:3000])
    for read in (read_raster, read_mask):
        with pytest.raises(RasterError, match='damaged'):
            read(str(bad))
        assert mask_shape(good) == (60, 90)
        with pytest.raises(RasterError, match='damaged'):
            read(str(bad))
        np.testing.assert_array_equal(read_mask(good), values[0])
