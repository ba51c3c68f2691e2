"""Scores of vector files, through the command as a user calls it."""

import json

import numpy as np
import pytest
from rasterio.crs import CRS

from mmseg_cube.cli import main

pyogrio = pytest.importorskip('pyogrio')
shapely = pytest.importorskip('shapely')
from shapely import MultiPolygon  # noqa: E402
from shapely.affinity import rotate, scale, translate  # noqa: E402

from mmseg_cube.datasets.vectors import project  # noqa: E402
from mmseg_cube.inference.vector_scores import shape_errors  # noqa: E402

UTM, DEGREES, WEB = 'EPSG:32633', 'EPSG:4326', 'EPSG:3857'
HOUSE = shapely.box(500000, 6.65e6, 500020, 6.65e6 + 10)  # 60 degrees north
HOUSES = [translate(HOUSE, 50 * step, 0) for step in range(4)]


@pytest.fixture
def evaluate(tmp_path, capsys):
    """Score shapes of UTM, written in any CRS; return what is said, read."""

    def write(stem, shapes, crs, **fields):
        shapes = np.array(shapes, object)
        if crs:
            sides = CRS.from_string(UTM), CRS.from_string(crs)
            shapes = project(shapes, *sides)
        path = tmp_path / f'{stem}.gpkg'
        values = [np.array(each) for each in fields.values()]
        pyogrio.raw.write(
            path, shapely.to_wkb(shapes), values, list(fields), crs=crs,
            geometry_type='Polygon',
        )  # fmt: skip
        return str(path)

    def evaluate(
        pred, truth, *words, aoi=None, crs=(WEB, DEGREES), cells=None, **fields
    ):
        words = [write('pred', pred, crs[0], **fields),
                 write('truth', truth, crs[1]), *words]  # fmt: skip
        if aoi is not None:
            words += ['--aoi', write('aoi', aoi, WEB, **cells or {})]
        out = tmp_path / 'out'
        code = main(['evaluate-vectors', *words, '--out', str(out)])
        said = capsys.readouterr()
        if code:
            assert code == 2 and said.err.count('\n') == 1
            assert not out.exists()
            return said.err
        suffixes = {path.suffix for path in out.iterdir()}
        assert suffixes == {'.gpkg', '.json', '.md', '.png'}
        numbers, path = out / 'vectors.json', out / 'vectors.gpkg'
        layers = pyogrio.list_layers(path)[:, 0]
        layers = {x: pyogrio.raw.read(path, layer=x) for x in layers}
        return json.loads(numbers.read_text()), layers

    return evaluate


def test_shape_errors():
    """By hand: a shift, and turns that walls cannot tell from others."""
    pairs = [translate(HOUSE, 1, 0), rotate(HOUSE, 10), rotate(HOUSE, 85)]
    errors = shape_errors(np.array(pairs), np.array([HOUSE] * 3))
    assert errors['polis'][0] == 0.5 and errors['hausdorff'][0] == 1
    assert errors['angle'] == pytest.approx([0, 10, 5], abs=1e-3)
    assert (errors['corners'] == 1).all()


def test_scores_do_not_depend_on_the_crs(evaluate):
    """Metres and square metres are those on the ground, also far north."""
    pred = [translate(house, 1, 0) for house in HOUSES[:3]]
    confidence = [0.9, 0.8, np.nan]
    numbers, layers = evaluate(pred, HOUSES, confidence=confidence)
    row = numbers['rows'][0]
    assert (row['right'], row['false'], row['missed']) == (3, 0, 1)
    assert row['precision'] == 1 and row['recall'] == 0.75
    assert row['IoU'] == pytest.approx(19 / 21, abs=1e-3)
    assert row['polis'] == pytest.approx(0.5, rel=1e-3)
    assert row['hausdorff'] == pytest.approx(1, rel=1e-3)
    assert numbers['AP'] == pytest.approx(0.9 * 76 / 101, abs=1e-3)
    counts = {name: len(layer[2]) for name, layer in layers.items()}
    assert counts == dict(matched=3, missed=1, false=0, merged=0, split=0)
    areas = layers['matched'][3][0]
    assert areas == pytest.approx(200 / 0.9996**2, rel=1e-4)


def test_lengths_on_both_sides_of_180_degrees(evaluate):
    sides = shapely.box([179.99, -179.99], -17, [179.9903, -179.9897], -16.999)
    pred = [translate(side, 1e-5, 0) for side in sides]
    about = '--crs', DEGREES  # written as it is
    rows = evaluate(pred, sides, *about, crs=(None, None))[0]['rows']
    assert rows[0]['hausdorff'] == pytest.approx(1.065, rel=1e-3)


def test_coco(evaluate, tmp_path):
    """One image of decimetres, its rows from top to bottom."""
    evaluate([], [], '--coco')
    evaluate([HOUSES[1]], HOUSES, '--coco', confidence=[0.9], crs=(UTM, UTM))
    files = [tmp_path / f'out/{name}.json' for name in ('predicted', 'true')]
    pred, true = (json.loads(path.read_text()) for path in files)
    [image], [mark] = pred['images'], pred['annotations']
    assert (image, mark['score'], len(true['annotations'])) == (
        dict(id=1, width=1701, height=101), 0.9, 4,
    )  # fmt: skip
    assert mark['area'] == pytest.approx(20_000, rel=1e-3)
    x, y, width, height = mark['bbox']
    assert (x, y) == pytest.approx((500, 0), abs=3)
    assert (width, height) == pytest.approx((200, 100), abs=3)
    city = HOUSE, translate(HOUSE, 9000, 9000)
    evaluate(city, city, '--coco', crs=(UTM, UTM))
    [image] = json.loads(files[0].read_text())['images']
    assert (image['width'], image['height']) == (45119, 45068)


BOW_TIE = shapely.Polygon([HOUSE.exterior.coords[i] for i in (0, 2, 1, 3)])
AROUND = HOUSE.buffer(1, join_style='mitre')
SMALL = scale(HOUSE, 0.3, 0.3)
LEFT, RIGHT = (500000, 0), (500020, 0)
HALVES = [scale(HOUSE, 0.6, 1, 1, LEFT), scale(HOUSE, 0.4, 1, 1, RIGHT)]
SHIFTED = translate(HOUSE, 10, 0)
# Predictions, truths, AOI; right, false and missed of those from 20 m2,
# merged and split ones, and pairs of predictions that overlap.
CASES = {
    'perfect': (HOUSES, HOUSES, None, (4, 0, 0, 0, 0, 0)),
    'shifted by half': ([SHIFTED], [HOUSE], None, (0, 1, 1, 0, 0, 0)),
    'no prediction': ([], HOUSES, None, (0, 0, 4, 0, 0, 0)),
    'no truth': (HOUSES, [], None, (0, 4, 0, 0, 0, 0)),
    'nothing': ([], [], None, (0, 0, 0, 0, 0, 0)),
    'AOI': (HOUSES, HOUSES, [AROUND], (1, 0, 0, 0, 0, 0)),
    'cut': (HOUSES, [AROUND], [HOUSE.buffer(-1)], (1, 0, 0, 0, 0, 0)),
    'outside': (HOUSES[:2], HOUSES, [HOUSES[3]], (0, 0, 1, 0, 0, 0)),
    'duplicates': ([HOUSE, HOUSE], HOUSES, None, (1, 1, 3, 0, 1, 1)),
    'invalid': ([BOW_TIE], HOUSES, None, (0, 2, 4, 0, 1, 0)),
    'parts': ([MultiPolygon(HOUSES)], HOUSES, None, (4, 0, 0, 0, 0, 0)),
    'merged': ([HOUSE], [*HALVES, HOUSES[1]], None, (1, 0, 2, 1, 0, 0)),
    'split': (HALVES, HOUSES, None, (1, 1, 3, 0, 1, 0)),
    'small prediction': ([SMALL], HOUSES, None, (0, 0, 4, 0, 0, 0)),
    'small truth': (HOUSES, [SMALL], None, (0, 4, 0, 0, 0, 0)),
}


@pytest.mark.parametrize('name', CASES)
def test_cases(name, evaluate):
    pred, truth, aoi, expected = CASES[name]
    numbers, layers = evaluate(pred, truth, aoi=aoi)
    row = numbers['rows'][0]
    names = 'right', 'false', 'missed', 'merged', 'split'
    counts = [row[each] for each in names]
    assert (*counts, numbers['overlapping']) == expected
    assert [len(layers[x][2]) for x in ('matched', *names[1:])] == counts
    right, *wrong = counts[:3]
    assert row['F1'] == 2 * right / max(2 * right + sum(wrong), 1)
    assert numbers['invalid'] == (name == 'invalid')


def test_cells(evaluate):
    """Features of an AOI, one of two parts; they add up to the whole."""
    far = translate(HOUSE, 500, 0)
    parts = MultiPolygon([AROUND, HOUSES[3].buffer(9)])
    middle = HOUSES[1].union(HOUSES[2]).envelope.buffer(12)
    aoi = [parts, middle, translate(far, 0, 50)]
    pred = [HOUSE, HOUSES[1], translate(HOUSES[2], 10, 0)]
    for cells, names in (
        (dict(name=['a', 'b', 'c']), ['a', 'b', 'c']),
        (dict(NAME=['a', 'b', 'c']), ['a', 'b', 'c']),
        (dict(Name=[7.0, np.nan, 0.5]), ['7', '2', '0.5']),
        (None, ['1', '2', '3']),
    ):
        numbers, layers = evaluate(pred, HOUSES, aoi=aoi, cells=cells)
        counts = {
            row['cell']: [row[x] for x in ('right', 'false', 'missed')]
            for row in numbers['cells']
        }
        expected = [1, 0, 1], [1, 1, 1], [0, 0, 0]
        assert counts == dict(zip(names, expected, strict=True))
        row = numbers['rows'][0]
        assert [row[x] for x in ('right', 'false', 'missed')] == [2, 1, 2]
        assert [row['F1'] for row in numbers['cells']] == [2 / 3, 0.5, 0]
        fields = layers['cells'][3]
        assert fields[0].tolist() == [names[0], *names]
        assert fields[2].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ('change', 'words', 'message'),
    [
        (dict(truth=[translate(HOUSE, 1e4, 0)]), '', 'truth do not overlap: '),
        (dict(aoi=[translate(HOUSE, 1e4, 0)]), '', 'AOI and truth do not'),
        (dict(aoi=[]), '', 'aoi.gpkg: has no polygons'),
        (dict(crs=(None, UTM)), '', 'pred.gpkg: the CRS, which it does not'),
        (dict(confidence=['high']), '', "string to float: 'high'"),
        ({}, '--iou 0.5 1.5', 'IoUs must be above 0, at most 1, not [0.5, 1'),
        ({}, '--min-area nan', 'min_area must be 0 m2 or more, not nan'),
        ({}, '--layer nothing', "'nothing' is not clear"),
    ],
)
def test_faults_leave_nothing(change, words, message, evaluate):
    files = dict(pred=[HOUSE], truth=[HOUSE]) | change
    pred, truth = files.pop('pred'), files.pop('truth')
    assert message in evaluate(pred, truth, *words.split(), **files)
