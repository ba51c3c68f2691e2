"""Polygons of buildings: the same however a raster is read, valid, apart."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rasterio.crs import CRS
from scipy import ndimage

shapely = pytest.importorskip('shapely')

from mmseg_cube.datasets.ground import Ground, project  # noqa: E402
from mmseg_cube.inference.components import CUT  # noqa: E402
from mmseg_cube.inference.polygons import (  # noqa: E402
    UNSURE,
    PolygonOptions,
    Probabilities,
    polygons,
)

try:
    import buildingregulariser  # noqa: F401
except ImportError:
    REGULARISE = [False]
else:
    REGULARISE = [False, True]
FULL = 254
EXACT = dict(min_area=0, max_hole=0, simplify=0)
RING = ['xxxxx', 'xx xx', 'xxxxx', 'xxxxx']
# Metres as they are, as on maps of the web, and turned.
GROUNDS = [
    Ground(),
    Ground(
        Affine(1.9, 0, 11584735.1234, 0, -1.9, 8399737.77), CRS.from_epsg(3857)
    ),
    Ground(Affine(0.3, 0.4, 5e5, 0.4, -0.3, 3e6), CRS.from_epsg(32645)),
]


def find(values, high=1000, ground=None, full=FULL, **options):
    """Return the polygons and each attribute of them, and what is noted."""
    strips = (values[i : i + high] for i in range(0, len(values), high))
    raster = Probabilities(strips, full, ground or Ground(), 'x')
    batches = [*polygons(raster, PolygonOptions(**options))]
    fields = {
        name: np.concatenate([batch.fields[name] for batch in batches])
        for name in batches[0].fields
    }
    shapes = np.concatenate([batch.polygons for batch in batches])
    return shapes, fields, raster.notes


def overlaps(shapes):
    one, other = shapely.STRtree(shapes).query(shapes, 'intersects')
    pairs = one < other
    common = shapely.intersection(shapes[one[pairs]], shapes[other[pairs]])
    return shapely.area(common).max(initial=0)


OPTIONS = dict(
    threshold=[0.3, 0.5, 0.6],
    split=['none', 'watershed'],
    seed=[0.65, 0.8],
    min_area=[0, 1, 10],
    max_hole=[0, 5],
    min_confidence=[0, 0.6],
    simplify=[0, 0.6, 1.5, 3],
    max_rows=[16, 4096],
    regularise=REGULARISE,
    rectangles=[False, True],
)
CHOICES = {name: st.sampled_from(values) for name, values in OPTIONS.items()}


@given(
    st.integers(0, 2**32),
    st.sampled_from([0, 0.7, 1.5, 3]),
    st.sampled_from(GROUNDS),
    st.fixed_dictionaries(CHOICES),
)
def test_random_fields(seed, blur, ground, options):
    """Any strips give one set, which is fit for a map.

    Of probabilities from noise to smooth.
    """
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.random(rng.integers(9, 90, 2)), blur)
    values = np.uint8((values - values.min()) / np.ptp(values) * FULL)
    options['regularise'] &= options['simplify'] > 0
    options['rectangles'] &= not options['regularise']
    shapes, fields, notes = find(values, ground=ground, **options)
    rows = sorted(zip(*fields.values(), shapely.to_wkb(shapes), strict=True))
    for high in (1, 7, 64):
        others, more, same = find(values, high, ground, **options)
        others = zip(*more.values(), shapely.to_wkb(others), strict=True)
        assert sorted(others) == rows
        assert same == notes
    assert shapely.is_valid(shapes).all()
    assert (shapely.get_type_id(shapes) == 3).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes)).all()
    assert len({*fields['id']}) == len(shapes)
    assert (fields['confidence'] <= fields['p_max']).all()
    areas = fields['area_m2' if ground.crs else 'area_px2']
    assert areas.min(initial=np.inf) >= options['min_area']
    if options['regularise']:  # no building is lost
        plain = find(values, ground=ground, **options | dict(regularise=False))
        assert {*fields['id']} >= {*plain[1]['id']}
    pixel = abs(ground.transform.determinant)
    assert overlaps(shapes) < 1e-6 * pixel


@given(
    arrays(
        np.uint8,
        array_shapes(min_dims=2, max_dims=2, max_side=14),
        elements=st.sampled_from([0, 90, 150, FULL]),
        fill=st.nothing(),
    ),
    st.integers(1, 15),
)
def test_exact_outlines_are_those_of_the_pixels(values, high):
    mask = values > FULL / 2
    shapes, fields, _ = find(values, high, **EXACT)
    labels, count = ndimage.label(mask)
    assert len(shapes) == count
    assert shapely.area(shapes).sum() == fields['area_px2'].sum() == mask.sum()
    assert overlaps(shapes) == 0
    mean = ndimage.mean(values, labels, range(1, count + 1)) / FULL
    assert sorted(fields['confidence']) == sorted(np.round(mean, 4))


def test_what_is_said_of_a_building():
    values = np.zeros((9, 12), np.uint8)
    values[2:5, 4:9] = 200
    values[3, 5] = 254
    [shape], fields, _ = find(values, id_prefix='a-', image_date='2024-05-31')
    assert shape.equals(shapely.box(4, 2, 9, 5))
    mean = (200 * 14 + 254) / 15 / FULL
    assert {name: x.item() for name, x in fields.items()} == dict(
        id='a-x_2_4', area_px2=15, perimeter_px=16, vertices=4, p_max=1,
        confidence=round(mean, 4), source='x', image_date='2024-05-31',
    )  # fmt: skip


@pytest.mark.parametrize(
    ('rows', 'options', 'areas'),
    [
        (['x ', ' x'], {}, [1, 1]),  # corners do not connect
        # Never filled is a hole in which a building might stand.
        (RING, dict(max_hole=5, min_area=10), [20]),
        (RING, dict(max_hole=1, min_area=10), [19]),
        (RING, dict(max_hole=2, min_area=10), [20]),
        (RING, dict(max_hole=5, min_area=1), [19]),
        (['xxx'] * 50, dict(max_rows=16), [6, 48, 48, 48]),
        (['xxx xx'], dict(min_area=3), [3]),
        (['xxx xx'], dict(min_confidence=1), [2, 3]),
    ],
)
def test_areas(rows, options, areas):
    mask = np.array([[x != ' ' for x in row] for row in rows], np.uint8)
    shapes, _, notes = find(mask, 7, full=1, **EXACT | options)
    assert sorted(shapely.area(shapes)) == areas and overlaps(shapes) == 0
    assert notes[CUT] == (3 if 'max_rows' in options else 0)


def test_touching_buildings_are_split():
    """A row of three on a plinth: borders meet between corners."""
    values = np.zeros((40, 64), np.uint8)
    values[4:36, 2:62] = 140
    for x in (4, 24, 44):
        values[6:20, x : x + 16] = 250
    values[24:34, 4:60] = 250
    values[30:38, 0:2] = 150  # never sure
    one, _, _ = find(values)
    shapes, _, notes = find(values, split='watershed')
    assert (len(one), len(shapes)) == (1, 4)
    assert notes[UNSURE] == 0
    assert overlaps(shapes) < 1e-9
    union = shapely.union_all(shapes)
    # Nothing is left between them, either.
    assert union.area == pytest.approx(shapely.area(shapes).sum())
    assert union.geom_type == 'Polygon' and not union.interiors
    assert find(values, split='watershed', seed=1)[2][UNSURE] == 1


def test_simple_outlines_keep_away_from_neighbours():
    """Two slanting walls with a gap of a pixel, in steps."""
    mask = np.zeros((60, 60), np.uint8)
    for y in range(60):
        mask[y, : 10 + y // 2] = mask[y, 11 + y // 2 :] = 1
    shapes, fields, _ = find(mask, full=1, simplify=6)
    assert overlaps(shapes) < 1e-9
    assert len(shapes) == 2 and max(fields['vertices']) < 40


Y, X = np.mgrid[-12:12:0.4, -13:13:0.3]  # metres
ALONG, ACROSS = X + Y / 2, Y - X / 2
TURNED = (abs(ALONG) < 8) & (abs(ACROSS) < 6)
CORNER = (ALONG > 4.6) & (ACROSS > 3.6)
NEAR = (ALONG > 9.5) & (ACROSS < 0) & (ACROSS > -6)


@pytest.mark.parametrize(
    ('mask', 'square'),
    [
        (TURNED, [True]),
        (TURNED & (X < Y), [False]),  # a triangle
        (TURNED & (abs(X) + abs(Y) > 2), [False]),  # with a courtyard
        (TURNED | NEAR, [False, True]),  # beside an odd one
        # Its rectangle meets the outline or the rectangle of another.
        (TURNED & (abs(X) > 0.5), [False, False]),
        (TURNED & ((ALONG < 4) | (ACROSS < 3) | CORNER), [False, False]),
    ],
)
def test_rectangles(mask, square):
    """Where they fit and meet no other; right angles in metres."""
    ground = Ground(Affine(0.3, 0, 5e5, 0, -0.4, 3e6), CRS.from_epsg(32645))
    options = dict(rectangles=True, simplify=0.1, min_area=1)
    shapes, _, _ = find(mask, 7, ground, 1, **options)
    found = []
    for shape in shapes:
        sides = np.diff(shape.exterior.coords, axis=0)
        right = abs((sides[:-1] * sides[1:]).sum(1)) < 0.1  # m2
        found.append(len(sides) == 4 and bool(right.all()))
    assert found == square
    assert overlaps(shapes) < 1e-9


@pytest.mark.parametrize(
    ('epsg', 'x', 'y', 'pixel'),
    [(3857, 9.5e6, y, 0.5) for y in (0, 3.2e6, 8.4e6)]
    + [(32645, 5e5, 3e6, 0.5), (4326, 85, 60, 4e-6), (32601, 166022, 0, 0.5)],
)
def test_areas_are_those_of_the_ellipsoid(epsg, x, y, pixel):
    """The last lies across 180 degrees of longitude."""
    mask = np.zeros((70, 90), np.uint8)
    mask[5:65, 5:85] = 1
    crs = CRS.from_epsg(epsg)
    ground = Ground(Affine(pixel, 0, x, 0, -pixel, y), crs)
    [shape], fields, _ = find(mask, ground=ground, full=1, min_area=1)
    corners = np.array(shape.exterior.coords)
    corners = project(corners, crs, CRS.from_epsg(6933))
    round_the_world = 2 * 17367530.445
    corners[:, 0] = np.unwrap(corners[:, 0], period=round_the_world)
    area = shapely.Polygon(corners).area
    assert fields['area_m2'].item() == pytest.approx(area, rel=1e-4)
    [steps] = ground.steps(np.array([[45, 35]]))
    length = 2 * np.dot([80, 60], np.linalg.norm(steps, axis=0))
    assert fields['perimeter_m'].item() == pytest.approx(length, rel=1e-4)


def test_a_batch_has_20000_at_most():
    mask = np.zeros((290, 290), np.uint8)
    mask[::2, ::2] = 1
    raster = Probabilities([mask[:130], mask[130:]])
    options = PolygonOptions(**EXACT)
    sizes = [len(batch.polygons) for batch in polygons(raster, options)]
    assert sum(sizes) == 145**2 and max(sizes) == 20_000


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(split='colour'), 'one of none, watershed'),
        (dict(rectangles=True, regularise=True), 'choose one of'),
        (dict(threshold=1.5), 'threshold must be from 0 to 1: 1.5'),
        (dict(min_area=-1), 'min_area must be from 0'),
        (dict(simplify=float('nan')), 'simplify must be from 0'),
        (dict(seed=0.2, split='watershed'), 'below the threshold'),
        (dict(image_date='May 2024'), 'May 2024 is no day as'),
        (dict(image_date='2024-31-05'), '2024-31-05 is no day as'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        PolygonOptions(**options)
