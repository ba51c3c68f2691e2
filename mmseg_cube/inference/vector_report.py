"""What an evaluation of footprints leaves: page, numbers, layers, picture."""

from pathlib import Path

import numpy as np
import shapely
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mmseg_cube.evaluation.error_picture import FALSE, FOUND, MISSED
from mmseg_cube.inference.vector_files import Fields, vector_file
from mmseg_cube.inference.vector_scores import VectorScores
from mmseg_cube.utils.figures import new_figure, save_figure
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_json, write_text_whole

COLOURS = dict(matched=FOUND, missed=MISSED, false=FALSE)
GROUND = '0.2'
COCO, DECIMETRE = ('predicted', 'true'), 0.1  # files, and their pixels
LARGEST = 4e7  # m2 of pixels of 0.1 m: 32 bits count them
DRAWN = 20_000  # polygons, more than one can tell apart
SHAPES = 10  # columns before those of shapes
Layers = dict[str, tuple[np.ndarray, Fields]]


def tabulate(numbers: dict) -> list[Table]:
    """Lay out which buildings were found, then how these look."""
    rows = numbers['rows']
    head = list(rows[0])
    title = (
        '{predicted} predicted polygons, {true} true ones, {invalid} of both '
        'made valid, {overlapping} pairs of predicted ones overlap, AP {AP}'
    )
    title = title.format(**numbers | dict(AP=_cell(numbers['AP'])))
    means = 'Means of the pairs, in metres and degrees'
    tables = [
        (title, head[:SHAPES], rows),
        (means, head[:2] + head[SHAPES:], rows),
    ]
    if cells := numbers.get('cells'):
        tables.append(('Cells of the AOI', list(cells[0]), cells))
    return [
        Table(names, [[_cell(row[x]) for x in names] for row in rows], title)
        for title, names, rows in tables
    ]


def write(scores: VectorScores, out: Path) -> None:
    """Write vectors.md, .json, .gpkg and .png into a folder."""
    page = [table.markdown() for table in tabulate(scores.numbers)]
    layers, crs = make_layers(scores), scores.truth.crs
    with vector_file(out / 'vectors.gpkg', crs) as add:
        for name, (polygons, fields) in layers.items():
            add(polygons, fields, name)
    save_figure(draw(layers, crs.is_geographic), out / 'vectors.png')
    write_json(out / 'vectors.json', scores.numbers)
    write_text_whole(out / 'vectors.md', '\n\n'.join(page) + '\n')


def write_coco(scores: VectorScores, out: Path) -> None:
    """Write both as datasets of COCO: one image of pixels of 0.1 m or more.

    Holes are filled, for COCO's polygons have none.
    """
    both = np.concatenate(scores.metres)
    bounds = shapely.total_bounds(both) if len(both) else np.zeros(4)
    left, bottom, right, top = bounds
    size = np.array([right - left, top - bottom])
    # So that no image has more pixels than COCO's tools can count.
    pixel = DECIMETRE * max(np.ceil(np.sqrt(size.prod() / LARGEST)), 1)
    width, height = np.ceil(size / pixel).astype(int).tolist()
    about = dict(images=[dict(id=1, width=width, height=height)])
    about['categories'] = [dict(id=1, name='building')]
    ranks = scores.confidence, None
    for name, shapes, rank in zip(COCO, scores.metres, ranks, strict=True):
        about['annotations'] = marks = []
        for number, shape in enumerate(shapes):
            ring = np.array(shape.exterior.coords) - [left, top]
            ring /= [pixel, -pixel]
            mark = dict(id=number + 1, image_id=1, category_id=1, iscrowd=0)
            mark['segmentation'] = [ring.ravel().tolist()]
            mark['bbox'] = [*ring.min(0), *np.ptp(ring, 0)]
            mark['area'] = shapely.Polygon(ring).area
            if rank is not None:
                mark['score'] = float(rank[number])
            marks.append(mark)
        write_json(out / f'{name}.json', about)


def make_layers(scores: VectorScores) -> Layers:
    """Sort polygons by what became of them; give them their attributes."""
    found = scores.matches
    right, false, missed = found.judge(scores.pairs, scores.min_area)
    ours = scores.pred.polygons, found.pred_areas
    theirs = scores.truth.polygons, found.truth_areas
    chosen = (
        ('matched', ours, found.pred[scores.pairs[right]]),
        ('missed', theirs, missed),
        ('false', ours, false),
        ('merged', ours, found.merged(scores.min_area)),
        ('split', theirs, found.split(scores.min_area)),
    )
    layers = {
        name: (polygons[rows], dict(area_m2=areas[rows]))
        for name, (polygons, areas), rows in chosen
    }
    for name, values in scores.errors.items():
        layers['matched'][1][name] = values[right]
    if scores.aoi is not None:
        rows = [scores.numbers['cells'][number] for number in scores.cells]
        fields = {x: np.array([row[x] for row in rows]) for x in rows[0]}
        fields['cell'] = fields['cell'].astype(object)
        layers['cells'] = scores.aoi.polygons, fields
    return layers


def draw(layers: Layers, degrees: bool) -> Figure:
    """Draw what was found and what was not, around the middle of the map."""
    figure, [[axes]] = new_figure(size=(8, 8))
    shapes = [layers[name][0] for name in COLOURS]
    colours = np.repeat(list(COLOURS.values()), list(map(len, shapes)), axis=0)
    shapes = np.concatenate(shapes)
    centres = shapely.get_coordinates(shapely.centroid(shapes))
    middle = np.median(centres, axis=0) if len(shapes) else np.zeros(2)
    near = np.abs(centres - middle).max(axis=1).argsort()[:DRAWN]
    rings = map(
        shapely.get_coordinates, shapely.get_exterior_ring(shapes[near])
    )
    axes.add_collection(PolyCollection(list(rings), color=colours[near] / 255))
    axes.autoscale()
    axes.set(xticks=[], yticks=[], facecolor=GROUND)
    axes.set_aspect(1 / np.cos(np.radians(middle[1])) if degrees else 1)
    patches = [
        Patch(facecolor=np.divide(colour, 255), edgecolor=GROUND, label=name)
        for name, colour in COLOURS.items()
    ]
    figure.legend(handles=patches, loc='outside lower center', ncols=3)
    return figure


def _cell(value: object) -> str:
    if value is None:
        return '-'
    return f'{value:.3f}' if isinstance(value, float) else str(value)
