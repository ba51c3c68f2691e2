import os
from pathlib import Path

import numpy as np
import pytest

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.rasters import (
    open_raster,
    raster_shape,
    read_raster,
)
from mmseg_cube.datasets.windows import Window, take_window

VALUES = np.random.default_rng(0).integers(0, 256, (3, 60, 90), np.uint8)


@pytest.fixture
def raster(tmp_path, write):
    return write(tmp_path / 'a.tif', VALUES)


def test_whole_raster(raster):
    assert raster_shape(raster) == (60, 90)
    np.testing.assert_array_equal(read_raster(raster), VALUES)


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
    x, y, width, height = window
    padded = np.pad(VALUES, ((0, 0), (90, 90), (90, 90)), mode='reflect')
    expected = padded[:, 90 + y : 90 + y + height, 90 + x : 90 + x + width]
    window = Window(*window)
    np.testing.assert_array_equal(read_raster(raster, window), expected)
    np.testing.assert_array_equal(take_window(VALUES, window), expected)
    one = take_window(VALUES[1], window)
    np.testing.assert_array_equal(one, expected[1])


@pytest.mark.parametrize(('x', 'y'), [(90, 0), (-10, 0), (0, 60), (0, -10)])
def test_window_outside(raster, x, y):
    with pytest.raises(RasterError, match='lies outside of its 90 x 60'):
        read_raster(raster, Window(x, y, 10, 10))


@pytest.mark.parametrize('suffix', ['.tif', '.png', '.jpg'])
def test_changed_file_is_read_anew(tmp_path, write, suffix):
    path = write(tmp_path / f'a{suffix}', VALUES)
    first = read_raster(path)
    write(path, 255 - VALUES)
    os.utime(path, ns=(1, 1))
    again = read_raster(path)
    assert (first != again).mean() > 0.9
    np.testing.assert_array_equal(again, read_raster(Path(path).read_bytes()))


def test_processes_do_not_share_open_files(raster):
    read_raster(raster)
    child = os.fork()
    if child == 0:
        same = np.array_equal(read_raster(raster), VALUES)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(read_raster(raster), VALUES)


def test_files_stay_open(raster):
    assert open_raster(raster) is open_raster(raster)
