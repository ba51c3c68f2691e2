"""Windows, and the reader of rasters."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.rasters import open_raster, read_raster
from mmseg_cube.datasets.windows import (
    Window,
    cut_grid,
    cut_strips,
    cut_tiles,
    take_window,
)

VALUES = np.random.default_rng(0).integers(0, 256, (3, 60, 90), np.uint8)
PLACES, SIZES = st.integers(-150, 150), st.integers(1, 100)


@pytest.fixture
def raster(tmp_path, write):
    return write(tmp_path / 'a.tif', VALUES)


@pytest.mark.parametrize('name', ['a.tif', 'a.jpg'])
@given(PLACES, PLACES, SIZES, SIZES)
def test_any_window_is_that_of_the_reflected_raster(
    write, tmp_path, name, x, y, width, height
):
    path, window = tmp_path / name, Window(x, y, width, height)
    if not path.exists():
        write(path, VALUES)
    values = read_raster(path)
    if not (-width < x < 90 and -height < y < 60):
        with pytest.raises(RasterError, match='lies outside of its 90 x 60'):
            read_raster(path, window)
        return
    padded = np.pad(values, ((0, 0), (250, 250), (250, 250)), 'reflect')
    expected = padded[:, 250 + y :, 250 + x :][:, :height, :width]
    assert open_raster(path) is open_raster(path)
    np.testing.assert_array_equal(read_raster(path, window), expected)
    np.testing.assert_array_equal(take_window(values, window), expected)
    np.testing.assert_array_equal(take_window(values[0], window), expected[0])


def test_a_row_of_pixels_has_nothing_else_to_mirror():
    row = VALUES[:, :1]
    expected = np.pad(row, ((0, 0), (2, 1), (3, 3)), 'reflect')
    found = take_window(row, Window(-3, -2, 96, 4))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('suffix', ['.tif', '.png', '.jpg'])
def test_changed_file_is_read_anew(tmp_path, write, suffix):
    path = write(tmp_path / f'a{suffix}', VALUES)
    first = read_raster(path)
    write(path, 255 - VALUES)
    os.utime(path, ns=(1, 1))
    again = read_raster(path)
    assert (first != again).mean() > 0.9
    np.testing.assert_array_equal(again, read_raster(Path(path).read_bytes()))


@given(SIZES, SIZES, st.integers(1, 40), st.floats(0, 1))
def test_cores_cover_every_pixel_once(height, width, size, share):
    count, whole = np.zeros((height, width), int), Window(0, 0, width, height)
    stride = 1 + int(share * (size - 1))
    for window, core in cut_grid(height, width, size, stride):
        assert window[2:] == (size, size)
        spans = zip(window[:2], core[:2], core[2:], whole[2:], strict=True)
        for start, own, length, most in spans:
            assert 0 <= start <= own < own + length <= start + size
            assert start + size <= max(most, size)
        count[core.inside(whole)] += 1
    assert (count == 1).all()


def test_places_of_windows_and_cores():
    cuts = cut_grid(5000, 5000, 512)
    assert len(cuts) == 100
    # The last window is moved inwards by 120 pixels and shares 60 of them.
    assert cuts[9] == ((4488, 0, 512, 512), (4548, 0, 452, 512))
    assert cuts[8] == ((4096, 0, 512, 512), (4096, 0, 452, 512))
    # A small raster gets one window that reaches beyond.
    (small,) = cut_grid(100, 300, 512)
    assert small == ((0, 0, 512, 512), (0, 0, 300, 100))
    padded = cut_tiles(5000, 5000, 512, padded=True)
    assert len(padded) == 100
    assert padded[0] == (-60, -60, 512, 512)
    assert padded[-1] == (4548, 4548, 512, 512)
    for stride in (0, 513, -1):
        with pytest.raises(ValueError, match='stride must be from 1 to'):
            cut_grid(1000, 1000, 512, stride)


VRT = (
    '<VRTDataset rasterXSize="90" rasterYSize="60"><VRTRasterBand '
    'dataType="Byte" band="1"><SimpleSource><SourceFilename>{}'
    '</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
)


def test_only_formats_that_are_named_are_opened(tmp_path, raster, capfd):
    vrt = VRT.format(raster)
    for text in (vrt, '<html>not found</html>', '', 'GIF89a', '%PDF-1.4'):
        disguised = tmp_path / 'b.tif'
        disguised.write_text(text)
        for source in (disguised, text.encode()):
            with pytest.raises(RasterError, match='is no TIFF, PNG or JPEG'):
                open_raster(source)
    for name in (raster, f'file://{raster}', 'http://127.0.0.1:9/a.tif'):
        for start in ('GTIFF_DIR:1:', '/vsicurl/', ''):
            if start + name != raster:
                with pytest.raises(RasterError, match='No such file'):
                    open_raster(start + name)
    # Who names such a file by its suffix wants it.
    named = tmp_path / 'b.vrt'
    named.write_text(vrt)
    np.testing.assert_array_equal(read_raster(named), VALUES[:1])
    assert capfd.readouterr() == ('', '')


def test_files_beside_a_raster_stay_closed(raster):
    for suffix in ('.msk', '.ovr', '.aux.xml', '.aux'):
        Path(f'{raster}{suffix}').write_text(VRT.format('/vsicurl/nowhere'))
    np.testing.assert_array_equal(read_raster(raster), VALUES)
    assert open_raster(raster).files == [raster]


def test_strips_cover_a_raster_in_order():
    strips = list(cut_strips(50_000, 50_000))
    assert sum(strip.height for strip in strips) == 50_000
    assert {strip.height for strip in strips[:-1]} == {512}
    assert all(a.y + a.height == b.y for a, b in pairwise(strips))
    assert list(cut_strips(500, 700)) == [(0, 0, 700, 500)]
