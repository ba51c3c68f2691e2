"""``mmseg-cube polygonize``: rasters in, files for maps out."""

import json
import sys
from itertools import product

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from mmseg_cube.cli import main

pyogrio = pytest.importorskip('pyogrio')
shapely = pytest.importorskip('shapely')

UTM = 'EPSG:32645'
PLACE = Affine(0.5, 0, 5e5, 0, -0.5, 3e6)
AT_180 = Affine(0.5, 0, 166005, 0, -0.5, 20)
SHAPE = 'count', 'height', 'width'
FIELDS = ['id', 'area_m2', 'perimeter_m', 'confidence', 'p_max', 'vertices']
FIELDS += ['source', 'image_date']


@pytest.fixture
def write(tmp_path):
    """Write a raster; return its path."""

    def write(values, name='x.tif', scale=None, **options):
        bands = values if values.ndim == 3 else values[None]
        shape = dict(zip(SHAPE, bands.shape, strict=True))
        profile = dict(dtype=values.dtype, crs=UTM, transform=PLACE)
        path = tmp_path / name
        with rasterio.open(path, 'w', **shape | profile | options) as file:
            file.write(bands)
            if scale:
                file.scales = [scale]
        return path

    return write


@pytest.fixture
def call(tmp_path, capsys):
    """Call the command; return its exit code and all that it says."""

    def call(*words, out='out/map.gpkg'):
        words = [*map(str, words), '--out', str(tmp_path / out)]
        code = main(['polygonize', *words])
        out, err = capsys.readouterr()
        return code, out + err

    return call


def town(size=60):
    """Draw 9 buildings of 6 x 6 m."""
    mask = np.zeros((size, size), np.uint8)
    for y, x in product(range(4, size, size // 3), repeat=2):
        mask[y : y + 12, x : x + 12] = 1
    return mask


def read(path):
    meta, _, shapes, columns = pyogrio.raw.read(path, 0)
    fields = dict(zip(meta['fields'], columns, strict=True))
    return meta['crs'], shapely.from_wkb(shapes), fields


@pytest.mark.parametrize(
    ('suffix', 'crs'),
    [('gpkg', UTM), ('fgb', UTM), ('shp', UTM), ('geojson', 'EPSG:4326')]
    + [('geojsonl', 'EPSG:4326'), ('pmtiles', 'EPSG:3857')],
)
def test_formats(suffix, crs, write, call, tmp_path):
    path = tmp_path / f'out/map.{suffix}'
    path.parent.mkdir()
    path.with_suffix('.qix').touch()  # the index of an older file
    code, text = call(write(town()), out=f'out/map.{suffix}')
    assert code == 0, text
    assert '9 buildings, 324 m2' in text
    assert path.with_suffix('.qix').exists() == (suffix != 'shp')
    found, shapes, fields = read(path)
    assert found == crs
    if suffix != 'pmtiles':  # cuts shapes at the borders of tiles
        assert len(shapes) == 9 and shapely.is_valid(shapes).all()
        letters = 10 if suffix == 'shp' else None
        assert [*fields] == [x[:letters] for x in FIELDS]
        assert 'x_4_4' in fields['id']
        assert fields['area_m2'] == pytest.approx(36, rel=1e-3)
    if suffix == 'gpkg':
        first = shapes[[*fields['id']].index('x_4_4')]
        assert first.equals(shapely.box(500002, 2999992, 500008, 2999998))
    with Image.open(path.with_suffix('.png')) as picture:
        assert max(picture.size) < 1200
    beside = suffix not in ('gpkg', 'pmtiles')
    assert path.with_suffix('.qml').exists() == beside
    names = {file.stem for file in path.parent.iterdir()}
    assert names == {'map'}  # and nothing temporary


HALF = np.where(town(), 0.6, 0.3).astype(np.float32)


@pytest.mark.parametrize(
    ('values', 'options', 'words'),
    [
        (town() * 255, {}, ''),
        (town().astype(np.int16), {}, ''),
        (np.where(town(), 1, 255).astype(np.uint8), dict(nodata=255), ''),
        (HALF, {}, ''),
        (np.where(HALF < 0.5, np.nan, HALF), dict(nodata=np.nan), ''),
        (np.uint8(254 * HALF), dict(scale=1 / 254, nodata=255), ''),
        (np.uint8(100 * HALF), {}, '--full 100'),
        (np.stack([town(), town() * 255]), dict(alpha='yes'), ''),
    ],
)
def test_values(values, options, words, write, call):
    code, text = call(write(values, **options), *words.split())
    assert code == 0 and '9 buildings' in text, text


def test_files_that_are_one(write, call, tmp_path):
    """A mosaic of 3 x 3 files has the polygons of the whole."""
    rng = np.random.default_rng(0)
    values = np.uint8(rng.random((90, 120)) < 0.6)
    words = '--min-area', 0, '--max-hole', 0
    call(write(values, 'mosaic.tif'), *words)
    whole = read(tmp_path / 'out/map.gpkg')
    paths = []
    for y, x in product((0, 30, 60), (0, 40, 80)):
        place = PLACE * Affine.translation(x, y)
        part = values[y : y + 30, x : x + 40]
        paths.append(write(part, f'{y}-{x}.tif', transform=place))
    assert call(*paths[::-1], '--mosaic', *words)[0] == 0
    parts = read(tmp_path / 'out/map.gpkg')
    both = [dict(zip(x[2]['id'], x[1], strict=True)) for x in (whole, parts)]
    assert both[0] == both[1]
    # One by one, buildings end where files do.
    assert call(*paths, *words)[0] == 0
    assert len(read(tmp_path / 'out/map.gpkg')[1]) > len(both[0])


def test_what_predict_has_filled(write, call, tmp_path):
    """Its probabilities are found, and what they say is kept."""
    write(town() * 255, 'a_mask.tif')
    for name in 'ab':
        path = write(HALF, f'{name}_probability.tif')
        with rasterio.open(path, 'r+') as file:
            file.update_tags(network='f00', TIFFTAG_DATETIME='2024:05:31 9')
            file.update_tags(EXIF_DateTimeOriginal='0000:00:00')
    assert call(tmp_path, '--seed', 0.6)[0] == 0
    _, shapes, fields = read(tmp_path / 'out/map.gpkg')
    assert len(shapes) == 18 and {*fields['source']} == {*'ab'}
    assert {*fields['image_date']} == {'2024-05-31'}
    meta, _, _, values = pyogrio.raw.read(tmp_path / 'out/map.gpkg', 'run')
    row = dict(zip(meta['fields'], values, strict=True))
    said = [row[name].item() for name in ('sources', 'network', 'seed')]
    assert said == ['a, b', 'f00', 0.6]


def test_the_style_of_a_raster_stays(write, call, tmp_path):
    """QGIS takes the style of a GeoPackage out of it, by this question."""
    style = tmp_path / 'x.qml'
    style.write_text('of x.tif')
    note = f'QGIS will draw it by {style}'
    assert note in call(write(town()), out='x.fgb')[1]
    assert note not in call(write(town()), out='x.gpkg')[1]
    assert style.read_text() == 'of x.tif'
    where = "f_table_schema='' AND f_table_name='footprints' AND "
    where += "f_geometry_column='geom' ORDER BY useAsDefault, update_time"
    file = tmp_path / 'x.gpkg'
    meta, _, _, values = pyogrio.raw.read(file, 'layer_styles', where=where)
    row = dict(zip(meta['fields'], values, strict=True))
    assert row['useAsDefault'].tolist() == [True]
    assert '<renderer-v2' in row['styleQML'][0]
    assert dict(pyogrio.list_layers(file))['layer_styles'] is None
    info = pyogrio.read_info(file, 'footprints')
    assert info['geometry_name'] == row['f_geometry_column'][0]


def test_geoparquet(write, call, tmp_path):
    parquet = pytest.importorskip('pyarrow.parquet')
    assert call(write(town()), out='map.parquet')[0] == 0
    table = parquet.read_table(tmp_path / 'map.parquet')
    assert table.column_names == [*FIELDS, 'geometry']
    shapes = shapely.from_wkb(table['geometry'].to_pylist())
    assert shapely.area(shapes) == pytest.approx(36)
    about = json.loads(table.schema.metadata[b'geo'])['columns']['geometry']
    assert (about['encoding'], about['crs']['id']['code']) == ('WKB', 32645)


def test_another_crs(write, call, tmp_path):
    here, there = write(town()), write(town(), 'y.tif', crs='EPSG:32644')
    assert call(here, there, '--crs', 'EPSG:4326')[0] == 0
    crs, shapes, fields = read(tmp_path / 'out/map.gpkg')
    assert crs == 'EPSG:4326' and len(shapes) == 18
    assert {*fields['source']} == {'x', 'y'}
    east = shapely.bounds(shapes)[:, 0]
    assert np.ptp(east) == pytest.approx(6, abs=0.01)  # degrees
    across = write(town(), crs='EPSG:32601', transform=AT_180)
    for crs, wide in (('EPSG:4326', 5.4e-5), ('EPSG:3857', 6)):
        assert call(across, '--crs', crs)[0] == 0
        shapes = read(tmp_path / 'out/map.gpkg')[1]
        west, _, east, _ = shapely.bounds(shapes).T
        assert east - west == pytest.approx(wide, rel=0.01)


def test_the_threshold_of_masks_is_told(write, call):
    path = write(254 * town(), scale=1 / 254)
    with rasterio.open(path, 'r+') as file:
        file.update_tags(threshold=0.3)
    note = 'Note: masks of this probability have --threshold 0.3'
    assert note in call(path)[1]
    assert note not in call(path, '--threshold', '0.3')[1]


def test_neither_place_nor_buildings(write, call, tmp_path):
    code, text = call(write(town(), crs=None, transform=Affine.identity()))
    assert code == 0 and '1,296 px2' in text
    assert 'Note: without a CRS, metres are pixels here' in text
    assert 'area_px2' in read(tmp_path / 'out/map.gpkg')[2]
    code, text = call(write(town(), crs=None), out='a.geojson')
    assert code == 2 and 'no CRS. Name a .gpkg' in text
    # The first raster without buildings is no end of the file.
    code, text = call(
        write(town() * 0), write(town(), 'y.tif'), out='b.geojsonl'
    )
    assert code == 0 and '9 buildings' in text
    code, text = call(write(town() * 0))
    assert code == 0 and 'Note: no building was found' in text
    crs, shapes, fields = read(tmp_path / 'out/map.gpkg')
    assert (crs, len(shapes)) == (UTM, 0) and 'area_m2' in fields
    (tmp_path / 'none.txt').touch()
    code, text = call(tmp_path / 'none.txt', '--mosaic')
    assert code == 2 and 'no raster is named' in text


@pytest.mark.parametrize('source', ['mask.png', 'mask.tif'])
def test_a_picture_that_is_no_map_stays(source, write, call, tmp_path):
    path = write(town(), 'mask.png', driver='PNG')
    write(town(), 'mask.tif')
    before = path.read_bytes()
    for _ in range(2):  # also once there are polygons
        code, text = call(tmp_path / source, out='mask.gpkg')
        assert code == 0 and f'{path} is another image' in text
        assert path.read_bytes() == before
    assert len(read(tmp_path / 'mask.gpkg')[1]) == 9


BYTES = np.arange(100, dtype=np.uint8).reshape(10, 10)


@pytest.mark.parametrize(
    ('values', 'words', 'message'),
    [
        (town(), '--out x.dxf', '.gpkg, .fgb, .geojson, .geojsonl, .shp, '),
        (town(), '--out x.parquet', 'pip install "mmsegmentation-cube[parq'),
        (town(), '--regularise', 'pip install buildingregulariser'),
        (town(), '{g} --out {g}', 'g.gpkg is a raster to read'),
        (town(), '--out b!.gpkg', 'b!.gpkg: use no signs such as ! and ;'),
        (town(), '--out l.gpkg', 'l.gpkg is open in another program'),
        (town(), '--crs nowhere', 'CRS, nowhere, is not known'),
        (town(), '--crs EPSG:4978', 'CRS, EPSG:4978, is not known'),
        (town(), '--threshold 2', 'threshold must be from 0 to 1: 2'),
        (town(), '{y}', 'several CRSs'),
        (town(), '{x}', 'the same name, x'),
        (town(), '{y} --mosaic', 'CRS'),
        (town(), '{z}', 'one of the rasters has no CRS'),
        (town(), '{z} --crs EPSG:4326', 'one of the rasters has no CRS'),
        (town(), '{d} --crs EPSG:4326', 'are not all places of its CRS'),
        (town(), '{o}', 'o.tif: has values with an offset, -0.5. Write'),
        (town(), '{i}', 'i.tif: mask is stored white-is-zero'),
        (np.stack([town()] * 3), '', 'has 3 bands of uint8'),
        (BYTES, '', 'holds 1, not only 0 and 1, or 0 and 255'),
        (BYTES, '--full 50', 'holds 51, not only up to 50'),
        (BYTES, '--full nan', 'nan cannot be probability 1. Name the value'),
        (HALF - 1, '', 'not only up to 1'),
        (HALF * 1j, '', 'has 1 bands of complex'),
        (None, '', 'missing, damaged or cut short'),
        (b'II*\0 no raster', '', 'missing, damaged or cut short'),
        (town() * 0, '--out x.pmtiles', 'cannot hold no building at all'),
        (town(), '{w} --crs EPSG:4326 --out x.pmtiles', '180 degrees of lon'),
    ],
)  # fmt: skip
def test_bad_input(
    values, words, message, write, tmp_path, capfd, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if isinstance(values, bytes):
        (tmp_path / 'x.tif').write_bytes(values)
    elif values is not None:
        write(values)
    (tmp_path / 'l.gpkg-wal').write_text('what is to be written')
    write(town(), 'y.tif', crs='EPSG:32644')
    write(town(), 'z.tif', crs=None)
    write(town(), 'd.tif', crs='EPSG:4326')
    with rasterio.open(write(town(), 'o.tif'), 'r+') as file:
        file.offsets = [-0.5]
    write(town(), 'w.tif', crs='EPSG:32601', transform=AT_180)
    write(town(), 'i.tif', photometric='MINISWHITE')
    for name in ('pyarrow', 'buildingregulariser'):
        monkeypatch.setitem(sys.modules, name, None)
    write(town(), 'g.gpkg', driver='GTiff')
    there = {*tmp_path.rglob('*')}
    names = {path.stem: path for path in there} | dict(x=tmp_path / 'x.tif')
    # Of two --out the last one counts.
    words = f'{names["x"]} --out map.gpkg {words}'.format(**names).split()
    assert main(['polygonize', *words]) == 2
    [line] = capfd.readouterr().err.splitlines()
    assert message in line and len(line) < 300 + len(str(tmp_path))
    assert {*tmp_path.rglob('*')} == there
