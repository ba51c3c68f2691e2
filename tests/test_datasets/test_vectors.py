import sqlite3

import numpy as np
import pytest
from rasterio.crs import CRS

from mmseg_cube.datasets.errors import FileError

pyogrio = pytest.importorskip('pyogrio')
shapely = pytest.importorskip('shapely')

from mmseg_cube.datasets.vectors import project, read_footprints  # noqa: E402

UTM = 'EPSG:32645'
SQUARE = shapely.box(500000, 3e6, 500010, 3000010)
TWO = shapely.multipolygons([SQUARE, shapely.box(5e5, 3.1e6, 5e5 + 5, 3.2e6)])
BOW_TIE = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
# At 180 degrees, in a zone of UTM that goes on there.
FIJI, ACROSS = 'EPSG:32760', shapely.box(815000, 8.1e6, 825000, 8.11e6)
DEGREES, WEB = CRS.from_epsg(4326), CRS.from_epsg(3857)
# Shapes of a file; then polygons, invalid shapes and area.
SHAPES = {
    'none': ([], 0, 0, 0),
    'empty': ([shapely.Polygon(), None], 0, 0, 0),
    'parts': ([SQUARE, TWO], 3, 0, 200 + 5 * 1e5),
    'bow tie': ([BOW_TIE], 2, 1, 50),
    'no area': ([shapely.Polygon([(0, 0), (9, 9), (0, 0)])], 0, 1, 0),
    'heights': ([shapely.force_3d(SQUARE, 7)], 1, 0, 100),
    'collection': ([shapely.GeometryCollection([TWO])], 2, 0, 500100),
    'others': ([shapely.Point(0, 0), SQUARE.exterior, SQUARE], 1, 0, 100),
}


def write(path, shapes, layer=None, crs=UTM, kind='Unknown'):
    numbers = [np.arange(len(shapes))]
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(shapes, object)), numbers, ['number'],
        layer=layer, geometry_type=kind, crs=crs,
    )  # fmt: skip
    return path


@pytest.mark.parametrize('name', SHAPES)
def test_shapes(name, tmp_path):
    shapes, count, invalid, area = SHAPES[name]
    path = write(tmp_path / 'a.gpkg', shapes)
    assert len(read_footprints(path, to=CRS.from_epsg(6933))) == count
    read = read_footprints(path, fields=['number', 'not there'])
    assert (len(read), read.invalid) == (count, invalid)
    assert shapely.is_valid(read.polygons).all()
    assert not shapely.has_z(read.polygons).any()
    assert shapely.area(read.polygons).sum() == pytest.approx(area)
    assert list(read.fields) == ['number']
    origin = shapely.to_wkb(np.array(shapes, object))[read.fields['number']]
    assert shapely.intersects(read.polygons, shapely.from_wkb(origin)).all()


def test_a_ring_that_is_not_closed(tmp_path):
    path = tmp_path / 'a.geojson'
    text = shapely.to_geojson(shapely.box(0, 0, 1, 1))
    path.write_text(text.replace(',[1.0,0.0]]', ']'))
    assert shapely.area(read_footprints(path).polygons).tolist() == [1]


@pytest.mark.parametrize('suffix', ['gpkg', 'geojson', 'fgb', 'shp'])
def test_places_are_the_same_in_any_crs(suffix, tmp_path):
    path = write(tmp_path / f'a.{suffix}', [SQUARE], kind='Polygon')
    read = read_footprints(path, to=CRS.from_epsg(4326))
    assert read.crs == CRS.from_epsg(4326)
    bounds = read.polygons[0].bounds
    assert bounds == pytest.approx((87, 27.12247, 87.0001, 27.12256), abs=1e-5)
    back = project(read.polygons, read.crs, CRS.from_string(UTM))[0]
    assert shapely.hausdorff_distance(back, SQUARE) < 0.01


def test_the_file_knows_its_crs_best(tmp_path):
    """What is named counts where the file says nothing."""
    path = write(tmp_path / 'a.shp', [SQUARE], kind='Polygon')
    assert read_footprints(path, crs='EPSG:3857').crs.to_epsg() == 32645
    path.with_suffix('.prj').unlink()
    assert read_footprints(path, crs='EPSG:3857').crs.to_epsg() == 3857
    path = write(tmp_path / 'a.gpkg', [SQUARE])
    with sqlite3.connect(path) as file:  # its word for not knowing
        file.execute('UPDATE gpkg_geometry_columns SET srs_id = -1')
    assert read_footprints(path, crs='EPSG:3857').crs.to_epsg() == 3857
    # GDAL takes GeoJSON for degrees, which these numbers cannot be.
    path = tmp_path / 'a.geojson'
    path.write_text(shapely.to_geojson(SQUARE))
    assert read_footprints(path, crs=UTM).crs.to_epsg() == 32645
    assert read_footprints(path).crs.to_epsg() == 4326


@pytest.mark.parametrize(
    ('layers', 'shape', 'crs', 'options', 'message'),
    [
        ('', SQUARE, UTM, {}, 'vector file not found'),
        ('x', None, UTM, {}, 'cannot be read as polygons'),
        ('xy', SQUARE, UTM, {}, 'has 2 layers: x, y; which one is not clear'),
        ('xy', SQUARE, UTM, dict(layer='z'), "'z' is not clear"),
        ('x', shapely.Point(0, 0), UTM, {}, 'no polygons, but 1 other shape'),
        ('x', SQUARE, None, {}, 'does not name, is not known. .*EPSG.* --crs'),
        ('x', SQUARE, None, dict(crs='EPSG:1'), 'CRS, EPSG:1, is not known'),
        ('x', SQUARE, None, dict(crs='EPSG:4326'), '500000, 3000000, 500010,'),
        ('x', ACROSS, FIJI, dict(to=DEGREES), 'across 180 degrees'),
        ('x', ACROSS, FIJI, dict(to=WEB), 'across 180 degrees'),
    ],
)
def test_faults_name_the_file(layers, shape, crs, options, message, tmp_path):
    path = tmp_path / 'a.gpkg'
    for layer in layers:
        write(path, [shape], layer, crs)
    if shape is None:
        path.write_text('not a file of vectors')
    with pytest.raises(FileError, match=message) as error:
        read_footprints(path, **dict(to=CRS.from_epsg(6933)) | options)
    assert str(path) in str(error.value)
    assert len(str(error.value).replace(str(path), '')) < 300


def test_surfaces_of_faces_are_not_lost(tmp_path):
    path = write(tmp_path / 'a.gpkg', [SQUARE])
    coded = shapely.to_wkb(shapely.multipolygons([SQUARE]))
    surface = coded[:1] + (15).to_bytes(4, 'little') + coded[5:]
    shapes = np.array([surface], object)
    number = [np.array([1])], ['number']
    pyogrio.raw.write(path, shapes, *number, geometry_type='Unknown', append=1)
    with pytest.raises(FileError, match='1 surface of .*ogr2ogr -nlt MULTIP'):
        read_footprints(path)
