"""What a network sees of a raster, and of its twins in other formats."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from math import cos, radians

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.shutil import copy

from mmseg_cube.datasets.ground import pixel_size
from mmseg_cube.datasets.windows import Window
from mmseg_cube.inference import Tiling, predict_raster
from mmseg_cube.inference.scene import Bands, Scene
from mmseg_cube.inference.scene_files import identify

HEIGHT, WIDTH = SHAPE = 90, 70
WHOLE = Window(0, 0, WIDTH, HEIGHT)
RNG = np.random.default_rng(0)
VALUES = RNG.integers(1, 255, (3, HEIGHT, WIDTH), np.uint8)
VALID = RNG.random(SHAPE) < 0.8
VALID[30:] = False
HIDDEN = np.where(VALID, VALUES, RNG.integers(1, 255, SHAPE, np.uint8))


BLACK = np.where(VALID, VALUES, 0)


def alpha(write, path):
    bands = [*HIDDEN, 255 * np.uint8(VALID)]
    return write(path, bands, photometric='RGB', alpha='YES')


def mosaic(write, path):
    paths, place = [], Affine(0.5, 0, 4e5, 0, -0.5, 3e6)
    for top in (0, 40):
        about = dict(nodata=0, transform=place * Affine.translation(0, top))
        part = path.with_stem(str(top))
        paths.append(write(part, BLACK[:, top : top + 50], **about))
    return paths


def beside(write, path, **about):
    Image.fromarray(255 * np.uint8(VALID)).save(f'{path}.msk', 'PNG')
    return write(path, HIDDEN, **about)


def noted(write, path):
    band = '<PAMRasterBand band="{}"><NoDataValue>0</NoDataValue></{}>'
    bands = (band.format(i, 'PAMRasterBand') for i in (1, 2, 3))
    before = Scene(write(path, BLACK)).identity()
    notes = f'<PAMDataset>{"".join(bands)}</PAMDataset>'
    path.with_name(f'{path.name}.aux.xml').write_text(notes)
    assert Scene(path).identity() != before
    return path


def jp2(write, path):
    options = dict(driver='JP2OpenJPEG', quality=100, reversible='YES')
    copy(write(path, BLACK), path.with_suffix('.jp2'), **options)
    return path.with_suffix('.jp2')


def vrt(write, path):
    copy(alpha(write, path), path.with_suffix('.vrt'), driver='VRT')
    return path.with_suffix('.vrt')


def plain(values, *valid, **about):
    return lambda write, path: write(path, values, *valid, **about)


# How each is made, and what is asked for.
TWINS = {
    'nodata': (plain(BLACK, nodata=0), {}),
    'given': (plain(BLACK), dict(nodata=0)),
    'mask': (plain(HIDDEN, VALID), {}),
    'alpha': (alpha, {}),
    'beside': (beside, {}),
    'beside, warped': (beside, dict(resolution=0.5)),
    'beside a nodata value': (partial(beside, nodata=0), dict(resolution=0.5)),
    'noted': (noted, {}),
    'noted, warped': (noted, dict(resolution=0.5)),
    'vrt': (vrt, {}),
    'jp2': (jp2, dict(nodata=0)),
    'mosaic': (mosaic, {}),
    '16 bits': (
        plain(BLACK * np.uint16(257), nodata=0),
        dict(scale=(0, 65535)),
    ),
    'order': (plain(BLACK[[1, 2, 0]], nodata=0), dict(bands=(3, 1, 2))),
    'nan': (plain(np.where(VALID, VALUES, np.nan)), dict(scale=(0, 255))),
    'own pixels': (plain(HIDDEN, VALID), dict(resolution=0.5)),
    'own pixels, unnamed bands': (
        plain(HIDDEN, VALID, photometric='minisblack'),
        dict(resolution=0.5),
    ),
}


@pytest.fixture(scope='module')
def served(tmp_path_factory):
    """A folder and its address."""
    folder = tmp_path_factory.mktemp('served')
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{server.server_address[1]}'
        server.shutdown()


@pytest.mark.parametrize('twin', TWINS)
def test_twins_are_one_to_the_network(pixelwise, write, tmp_path, twin):
    make, options = TWINS[twin]
    model, tiling = pixelwise(2, 3), Tiling(32, 20, batch=1)
    source = alpha(write, tmp_path / 'x.tif')
    expected = predict_raster(model, source, tiling)
    shown = len(model.shapes)
    scene = Scene(make(write, tmp_path / 'a.tif'), Bands(**options))
    found = predict_raster(model, scene, tiling)
    np.testing.assert_array_equal(np.isnan(found), ~VALID)
    np.testing.assert_array_equal(found, expected)
    # What has no data is not computed.
    assert len(model.shapes) == 2 * shown < 2 * 12


def test_addresses(pixelwise, write, served):
    folder, address = served
    path = write(folder / 'image.tif', VALUES)
    expected = predict_raster(pixelwise(), path, Tiling(32))
    for url in (f'{address}/image.tif', f'/vsicurl/{address}/image.tif'):
        found = predict_raster(pixelwise(), url, Tiling(32))
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=f'{address}/none.tif: .*404'):
        Scene(f'{address}/none.tif')


@pytest.mark.parametrize('fourth', [np.nan, 0])
def test_one_stretch_for_the_whole_raster(fourth, write, tmp_path):
    values = RNG.normal(3000, 500, (3, HEIGHT, WIDTH)).astype(np.float32)
    values[2] *= 2
    every = np.concatenate([values, np.full_like(values[:1], fourth)])
    path = write(tmp_path / 'a.tif', every, nodata=0, photometric='RGB')
    scene = Scene(path, Bands((1, 2, 3), 'percentile'))
    ends = np.percentile(values, (2, 98), axis=(1, 2)).T
    np.testing.assert_allclose(scene.channels.scale, ends)
    whole = scene.read(WHOLE)
    part = scene.read(Window(10, 20, 30, 40))
    np.testing.assert_array_equal(whole[:, 20:60, 10:40], part)
    assert (whole.min(), whole.max()) == (0, 255)


@pytest.mark.parametrize(
    ('name', 'changed'),
    [('b.png', 'b.pgw'), ('b.vrt', 'a.tif'), ('c.vrt', 'a.tif')]
    + [('aoi.shp', 'aoi.prj'), ('aoi.gpkg', 'aoi.gpkg-wal')],
)
def test_another_once_a_file_of_it_changes(write, tmp_path, name, changed):
    copy(write(tmp_path / 'a.tif', VALUES), tmp_path / 'b.vrt', driver='VRT')
    text = (tmp_path / 'b.vrt').read_text().replace('a.tif', 'b.vrt')
    (tmp_path / 'c.vrt').write_text(text)
    Image.fromarray(VALUES.transpose(1, 2, 0)).save(tmp_path / 'b.png')
    (tmp_path / 'b.pgw').write_text('0.5\n0\n0\n-0.5\n4e5\n3e6\n')
    for vectors in ('aoi.shp', 'aoi.prj', 'aoi.gpkg', 'aoi.gpkg-wal'):
        (tmp_path / vectors).touch()
    options = tmp_path / name, not name.startswith('aoi')
    before = identify(*options)
    assert identify(*options) == before
    with (tmp_path / changed).open('a') as file:
        file.write('\n')
    assert identify(*options) != before


def test_each_band_with_a_nodata_value_of_its_own(write, tmp_path):
    """As it is stored it is read, but neither warped nor joined."""
    path, values = tmp_path / 'a.vrt', BLACK.copy()
    values[0, ~VALID] = 9
    copy(write(tmp_path / 'a.tif', values, nodata=0), path, driver='VRT')
    bands = path.read_text().split('<NoDataValue>0<')
    bands = '<NoDataValue>9<'.join(bands[:2]), *bands[2:]
    path.write_text('<NoDataValue>0<'.join(bands))
    assert Scene(path).valid(WHOLE).sum() == VALID.sum()
    for paths, bands in ((path, Bands(resolution=1)), ([path] * 2, None)):
        with pytest.raises(ValueError, match='differ from band to band'):
            Scene(paths, bands)


def test_an_alpha_band_that_is_named_is_no_mask(write, tmp_path):
    path, bands = alpha(write, tmp_path / 'a.tif'), (4, 1, 2)
    assert (Scene(path, Bands(bands)).read(WHOLE)[1] == HIDDEN[0]).all()
    for paths, resolution in ((path, 1), ([path] * 2, None)):
        with pytest.raises(ValueError, match='alpha as band 4: it masks'):
            Scene(paths, Bands(bands, resolution=resolution))


def test_one_band_is_shown_three_times(write, tmp_path):
    scene = Scene(write(tmp_path / 'a.tif', VALUES[:1]))
    (note,) = scene.notes
    assert 'one band' in note
    shown = scene.read(WHOLE)
    np.testing.assert_array_equal(shown, VALUES[[0, 0, 0]])


def test_control_points_are_no_transform(tmp_path, write):
    path = write(tmp_path / 'a.tif', VALUES)
    with rasterio.open(path, 'r+') as file:
        corner = GroundControlPoint(0, 0, 10, 50)
        file.gcps = [corner], rasterio.CRS.from_epsg(4326)
    (note,) = Scene(path).notes
    assert 'gdalwarp' in note


PIXEL = Affine(2, 0, 0, 0, -3, 0)
DEGREES = Affine.scale(1 / 111320)


@pytest.mark.parametrize('latitude', (0, 28, -60))
@pytest.mark.parametrize('crs', ('EPSG:3857', 'EPSG:4326', 'UTM'))
def test_metres_on_the_ground(write, tmp_path, crs, latitude):
    """Web maps stretch, degrees shrink: to 0.7 % of those of a ball."""
    zone = f'EPSG:32{6 if latitude >= 0 else 7}45'
    code = zone if crs == 'UTM' else crs
    at = rasterio.warp.transform('EPSG:4326', code, [87], [latitude])
    pixel = DEGREES * PIXEL if crs == 'EPSG:4326' else PIXEL
    turned = Affine.translation(at[0][0], at[1][0]) * Affine.rotation(90)
    turned = turned * pixel * Affine.translation(-WIDTH / 2, -HEIGHT / 2)
    path = write(tmp_path / 'a.tif', VALUES, crs=code, transform=turned)
    east, north = {'EPSG:3857': (cos(radians(latitude)),) * 2}.get(crs, (1, 1))
    if crs == 'EPSG:4326':
        north, east = 1, cos(radians(latitude))
    with rasterio.open(path) as dataset:
        found = pixel_size(dataset)
    # Columns run north, rows east.
    np.testing.assert_allclose(found, (2 * north, 3 * east), rtol=0.007)


@pytest.mark.parametrize('resolution', (0.25, 1.3))
def test_other_resolutions(write, tmp_path, resolution):
    path = write(tmp_path / 'a.tif', HIDDEN, VALID)
    scene = Scene(path, Bands(resolution=resolution))
    factor = scene.shape[0] / HEIGHT
    assert factor == pytest.approx(0.5 / resolution, rel=0.02)
    with rasterio.open(path) as file:
        ends = np.array(file.bounds), np.array(scene.dataset.bounds)
    np.testing.assert_allclose(*ends, atol=1e-6)
    assert scene.valid(Window(0, 0, *scene.shape[::-1])).mean() < 0.35
