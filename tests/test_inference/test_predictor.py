"""From a raster to its files, whole or in strips, once or after a kill."""

import json
import resource
import signal
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from runpy import run_path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.features import rasterize

from mmseg_cube.cli import main
from mmseg_cube.inference import (
    Bands,
    Output,
    RasterPredictor,
    Tiling,
    outputs,
    predict_raster,
    predict_strip,
    scene,
)

SHAPE = HEIGHT, WIDTH = 300, 200
TILING = Tiling(32, 16, batch=1)
PART = 70, 120
UTM = Affine(0.3, 0, 4e5, 0, -0.3, 3e6)


@pytest.fixture
def city(write, tmp_path):
    """Write a raster of blocks, with data in its first rows and columns."""

    def city(name='city.tif', shape=SHAPE, data=(None, None), **about):
        rng = np.random.default_rng(0)
        values = rng.integers(1, 255, (3, -(-shape[0] // 8), shape[1]))
        values = np.uint8(values.repeat(8, 1)[:, : shape[0]])
        has_data = np.zeros(shape, bool)
        has_data[: data[0], : data[1]] = True
        about = dict(transform=UTM, nodata=0) | about
        about.update(tiled=True, compress='lzw')
        return write(tmp_path / name, values * has_data, **about)

    return city


@pytest.fixture
def predict(pixelwise):
    """Predict into a folder; other options are those of Output."""

    def predict(path, folder, model=None, bands=Bands(), **options):  # noqa: B008
        model = model or pixelwise(2, 3)
        output = Output(folder, **dict(strip=48) | options)
        predictor = RasterPredictor(model, TILING, bands, output)
        return predictor.predict(path, 'city')

    return predict


def read(folder):
    """Return all georeferenced files, which must be whole."""
    return {path.name: path.read_bytes() for path in folder.glob('*.tif')}


def values(path):
    with rasterio.open(path) as file:
        return file.read(1)


def alone(work, *args, kill_at=lambda: False):
    """Do work in a new process, which may be killed; return how it ends.

    It is no copy of this one, whose threads it would lack.
    """
    server = get_context('forkserver')
    server.set_forkserver_preload(['mmseg_cube.inference'])
    about = dict(WORK=work.__name__, ARGS=args)
    process = server.Process(target=run_path, args=(__file__, about, 'alone'))
    process.start()
    while process.is_alive() and not kill_at():
        time.sleep(0.002)
    process.kill()
    process.join()
    return process.exitcode


def run_alone(path, folder, tiling=TILING, log=None):
    """Predict as the fixture does; note windows in a log, and be slow."""
    conftest = run_path(Path(__file__).with_name('conftest.py'))
    model = conftest['PixelSegmentor'](2, 3)
    compute = model.encode_decode

    def wait(*args):
        with log.open('a') as file:
            file.write('.')
        time.sleep(0.002)
        return compute(*args)

    if log:
        model.encode_decode = wait
    output = Output(folder, strip=48 if log else None)
    RasterPredictor(model, tiling, Bands(), output).predict(path, 'city')


PLACES = {
    'north-up': {},
    'rotated': dict(transform=UTM * Affine.rotation(20)),
    'south-up': dict(transform=Affine(0.3, 0, 4e5, 0, 0.3, 3e6)),
    'degrees': dict(
        crs='EPSG:4326', transform=Affine(3e-6, 0, 87.1, 0, -2.7e-6, 26.1)
    ),
    'web map': dict(
        crs='EPSG:3857', transform=Affine(0.149, 0, 9.7e6, 0, -0.149, 3.2e6)
    ),
    'no CRS': dict(crs=None),
    'nowhere': dict(transform=Affine(0.3, 0, 4e9, 0, -0.3, 3e6)),
    'no place': dict(crs=None, transform=Affine.identity()),
}


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
@pytest.mark.parametrize('place', PLACES)
def test_files_lie_where_the_raster_lies(
    predict, pixelwise, city, tmp_path, place
):
    source = city(data=PART, **PLACES[place])
    kinds = 'probability', 'mask', 'preview'
    found = predict(source, tmp_path / 'default')
    count = {'no CRS': 3, 'nowhere': 3, 'no place': 1}.get(place, 4)
    assert len(found.files) == count
    predict(source, tmp_path / 'out', write=kinds, threshold=0.4)
    probability, mask = (
        rasterio.open(tmp_path / 'out' / f'city_{kind}.tif')
        for kind in kinds[:2]
    )
    whole = predict_raster(pixelwise(2, 3), source, TILING)
    empty = np.isnan(whole)
    assert 0.5 < empty.mean() < 1
    with rasterio.open(source) as raster:
        for file in (probability, mask):
            assert file.transform == raster.transform
            assert file.crs == raster.crs
            assert (file.shape, file.nodata) == (SHAPE, 255)
            tags = file.tags()
            assert (tags['threshold'], tags['image']) == ('0.4', 'city.tif')
            assert tags['TIFFTAG_SOFTWARE'].startswith('mmseg_cube')
            stored = file.tags(ns='IMAGE_STRUCTURE')
            assert (stored['LAYOUT'], stored['COMPRESSION']) == (
                'COG',
                'DEFLATE',
            )
    assert mask.colormap(1)[1][3] == 255
    assert probability.scales == (1 / 254,)
    shares = np.where(empty, 255, np.rint(np.nan_to_num(whole) * 254))
    np.testing.assert_array_equal(probability.read(1), shares)
    built = np.where(empty, 255, whole > 0.4)
    np.testing.assert_array_equal(mask.read(1), built)
    if count == 4:
        path = tmp_path / 'default' / 'city_coverage.geojson'
        layer = json.loads(path.read_text())['features']
        parts = [x['geometry'] for x in layer]
        kinds = [x['properties']['coverage'] == 'no data' for x in layer]
        back = rasterio.warp.transform_geom('EPSG:4326', mask.crs, parts)
        pairs = zip(back, map(int, kinds), strict=True)
        drawn = rasterize(pairs, SHAPE, transform=mask.transform, fill=2)
        np.testing.assert_array_equal(drawn, empty)
        for part in parts:
            x, y = np.transpose(part['coordinates'][0])
            assert x[:-1] @ y[1:] > y[:-1] @ x[1:]  # anticlockwise
    with rasterio.open(tmp_path / 'out' / 'city_preview.png') as picture:
        np.testing.assert_array_equal(picture.read(4) == 0, empty)


def test_styles_for_qgis(predict, city, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'city_mask.qml').write_text('of a person')
    predict(city(), out)
    assert (out / 'city_mask.qml').read_text() == 'of a person'
    assert len([*out.glob('*.qml')]) == 3  # none of the preview
    for path in outputs.STYLES.iterdir():
        assert path.stem in outputs.SUFFIXES
        root = ElementTree.parse(path).getroot()
        assert root.find('pipe/rasterrenderer') or root.find('renderer-v2')
    root = ElementTree.parse(out / 'city_coverage.qml')
    found = [x.get('value') for x in root.iter('category')]
    assert sorted(found) == sorted(outputs.COVERAGE)


def test_what_failed_is_in_the_coverage(predict, pixelwise, city, tmp_path):
    model, out, path = pixelwise(2, 3), tmp_path / 'out', city(data=PART)
    compute = model.encode_decode
    shown = model.shapes

    def broken(*args):
        return compute(*args) * (1 if len(shown) < 30 else np.nan)

    model.encode_decode = broken
    with pytest.raises(ValueError, match='values that are no numbers'):
        predict(path, out, model)
    file = out / 'city_coverage.geojson'
    states = []
    for _ in range(2):
        features = json.loads(file.read_text())['features']
        parts = [x['geometry'] for x in features]
        back = rasterio.warp.transform_geom('EPSG:4326', 'EPSG:32645', parts)
        names = [x['properties']['coverage'] for x in features]
        pairs = zip(back, map(outputs.COVERAGE.index, names), strict=True)
        states.append(rasterize(pairs, SHAPE, transform=UTM, fill=3))
        model.encode_decode = compute
        predict(path, out, model)
    first, last = states
    assert (first[48:] == 2).all() and (last < 2).all()
    np.testing.assert_array_equal(first[:48], last[:48])


def test_polygons_are_those_of_polygonize(predict, pixelwise, city, tmp_path):
    vectors = pytest.importorskip('mmseg_cube.datasets.vectors')
    model, out = pixelwise(2, 3), tmp_path / 'out'
    predict = partial(predict, threshold=0.3)
    model.layer.weight.data *= 0
    model.layer.weight.data[1, 1] = 0.6  # sure where the green is bright
    source = city(transform=UTM * Affine.scale(3))
    kinds = 'probability', 'polygons'
    found = predict(source, out, model, write=kinds).files[1]
    assert found == out / 'city.gpkg'
    again = tmp_path / 'again.gpkg'
    words = ['--split', 'watershed', '--threshold', '0.3', '--out', str(again)]
    main(['polygonize', str(out / 'city_probability.tif'), *words])
    layers = [
        vectors.read_footprints(x, fields=['id']) for x in (found, again)
    ]
    ids, others = (x.fields['id'] for x in layers)
    assert len(ids) > 9 and ids[0].startswith('city_')
    assert others.tolist() == ids.tolist()
    assert (layers[0].polygons == layers[1].polygons).all()
    assert layers[0].crs.to_epsg() == 32645
    found.unlink()
    predict(source, out, model, write=kinds)
    assert found.exists()
    # What is not asked for now stays.
    files = predict(source, out, model, write=['mask']).files
    assert {found, out / 'city_mask.tif'} < {*files} and found.exists()
    assert not predict(source, out, model, write=kinds).new


def test_strips_equal_the_whole(pixelwise, city):
    path, model = city(data=PART), pixelwise(2, 3)
    for tiling in (TILING, Tiling(32, 11, batch=3), Tiling(32, 32)):
        whole = predict_raster(model, path, tiling)
        borders = [0, 1, 40, 48, 97, 250, HEIGHT]
        strips = [
            predict_strip(model, path, rows, tiling)
            for rows in zip(borders, borders[1:], strict=False)
        ]
        np.testing.assert_array_equal(np.concatenate(strips), whole)
    with pytest.raises(ValueError, match='has 300 rows, no '):
        predict_strip(model, path, (0, HEIGHT + 1), TILING)


def test_no_seams(pixelwise, city, tmp_path):
    """Moved by a stride, the middle is the same down to the last bit."""
    model, path = pixelwise(2, 3), city()
    with rasterio.open(path) as file:
        profile, pixels = file.profile, file.read()[:, 16:, 16:]
    profile.update(height=HEIGHT - 16, width=WIDTH - 16)
    with rasterio.open(tmp_path / 'moved.tif', 'w', **profile) as file:
        file.write(pixels)
    whole = predict_raster(model, path, TILING)[16:, 16:]
    moved = predict_raster(model, tmp_path / 'moved.tif', TILING)
    inner = (slice(16, 220), slice(16, 140))
    np.testing.assert_array_equal(moved[inner], whole[inner])
    # Nor are there larger steps where windows begin and end.
    steps = np.abs(np.diff(whole[inner], axis=1)).mean(0)
    assert steps[15::16].mean() <= 1.1 * steps.mean()


def test_only_what_has_data_is_computed(predict, pixelwise, city, tmp_path):
    rows, columns = (HEIGHT - 32) // 16 + 2, (WIDTH - 32) // 16 + 2
    for data, share in ((SHAPE, 1), (PART, 0.25), ((0, 0), 0)):
        model, out = pixelwise(2, 3), tmp_path / str(share)
        path = city(f'{share}.tif', data=data)
        result = predict(path, out, model)
        shown = len(model.shapes) / rows / columns
        assert share / 2 <= shown <= share
        mask = values(out / 'city_mask.tif')
        assert result.pixels == (mask != 255).sum() == (values(path) > 0).sum()
        assert result.building == (mask == 1).sum()


def test_processes_share_a_raster(predict, pixelwise, city, tmp_path):
    path, out, models = city(), tmp_path / 'out', []
    predict(path, tmp_path / 'one')
    for rank in (2, 0, 1):
        models.append(pixelwise(2, 3))
        result = predict(path, out, models[-1], shard=(rank, 3))
        assert bool(result.files) == (rank == 1)
    assert read(out) == read(tmp_path / 'one') != {}
    shown = [len(model.shapes) for model in models]
    assert max(shown) < 1.5 * min(shown)
    assert not (out / '.parts').exists() or not [*out.glob('.parts/*')]
    again = predict(path, out, models[0], shard=(0, 3))
    assert again.files and not again.new
    report = json.loads((out / 'city.json').read_text())
    assert report['settings']['stride'] == 16 and report['width'] == WIDTH
    city(data=PART)
    for rank in (0, 1):  # nothing is left of the image before
        predict(path, out, write=['mask'], shard=(rank, 2))
    assert [*read(out)] == ['city_mask.tif']


def test_killed_at_any_time(predict, city, tmp_path):
    """Finished strips are kept, and nothing is ever half there."""
    path, out = city(shape=(600, 200)), tmp_path / 'out'
    predict(path, tmp_path / 'whole')
    whole, log = read(tmp_path / 'whole'), tmp_path / 'log'
    log.touch()
    for windows in (10, 100, 190, 280, 370):
        late = partial(lambda least: log.stat().st_size >= least, windows)
        alone(run_alone, path, out, TILING, log, kill_at=late)
        for name, content in read(out).items():
            assert content == whole[name]
    assert alone(run_alone, path, out, TILING, log) == 0
    assert read(out) == whole and not (out / '.parts' / 'city').exists()
    rows, columns = (600 - 32) // 16 + 2, (WIDTH - 32) // 16 + 2
    # Each kill costs the strip that was being made and the row above it.
    most = rows * columns + 5 * (48 // 16 + 2) * columns
    assert rows * columns <= log.stat().st_size <= most


def fill_disk(path, out, said):
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        run_alone(path, out)
    except OSError as error:
        said.write_text(str(error))


def test_full_disk(city, tmp_path):
    said = tmp_path / 'said'
    assert alone(fill_disk, city(), tmp_path / 'out', said) == 0
    message = said.read_text()
    assert f'{tmp_path}/out' in message and 'cannot be written' in message
    assert not [*tmp_path.glob('out/*.tif')]


def measure(report, *paths):
    scene.LEAST_CACHE = 2**22  # which small ones fill
    for path in paths:
        run_alone(path, path.with_suffix(''), Tiling(256, 256))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with report.open('a') as file:
            file.write(f'{peak // 1024} ')


def test_memory_does_not_grow(city, tmp_path):
    """Eight times the rows take no more than two bytes for each new pixel."""
    paths = [city(f'{rows}.tif', (rows, 1000)) for rows in (2000, 16000)]
    report = tmp_path / 'peaks'
    assert alone(measure, report, *paths) == 0
    small, large = map(int, report.read_text().split())
    assert large - small < 28


def test_only_what_is_asked_for(predict, pixelwise, city, tmp_path):
    """An AOI chooses windows, which see what lies around it, too."""
    vectors = pytest.importorskip('mmseg_cube.datasets.vectors')
    path, aoi, out = city(data=PART), tmp_path / 'aoi.gpkg', tmp_path / 'out'
    corners = UTM * (30, 20), UTM * (100, 60)
    box = vectors.shapely.box(*corners[0], *corners[1])
    shapes = vectors.shapely.to_wkb(np.array([box]))
    about = dict(crs='EPSG:32645', geometry_type='Polygon')
    vectors.pyogrio.raw.write(aoi, shapes, [], [], **about)
    model, bands = pixelwise(2, 3), Bands(aoi=str(aoi))
    predict(path, out, model, bands, exact=True, write=['probability', 'mask'])
    shown, inside = len(model.shapes), np.zeros(SHAPE, bool)
    inside[20:60, 30:100] = True
    whole = predict_raster(model, path, TILING)
    expected = np.where(inside, whole, np.nan)
    np.testing.assert_array_equal(
        values(out / 'city_probability.tif'), expected
    )
    mask = np.where(inside, whole > 0.5, 255)
    np.testing.assert_array_equal(values(out / 'city_mask.tif'), mask)
    assert shown < len(model.shapes) - shown
    with pytest.raises(ValueError, match='has no CRS. Leave out --aoi'):
        predict(city('b.tif', crs=None), tmp_path / 'b', model, bands)


if __name__ == 'alone':
    globals()[WORK](*ARGS)  # noqa: F821, see alone()
