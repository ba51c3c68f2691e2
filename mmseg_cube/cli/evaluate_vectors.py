"""Score predicted footprints against true ones, polygon by polygon.

Takes any vector files that GDAL reads; the predicted ones are brought to the
CRS of the true ones. docs/cities.md says what the scores mean. The folder
gets vectors.md and vectors.json (scores), vectors.gpkg (layers matched,
missed, false, merged, split, and cells of an AOI) and vectors.png (a map).
"""

from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    add('pred', 'vector file of predicted footprints')
    add('truth', 'vector file of the true ones')
    add('--out', 'folder for the scores', required=True)
    what = 'vector file: what lies outside is cut off from both, and each of '
    what += 'its features is a cell with scores of its own'
    add('--aoi', what, metavar='FILE')
    what = 'IoUs from which on two are a pair'
    add('--iou', what, type=float, default=[0.5, 0.75])
    what = (
        'area of the smallest that count, in m2; a smaller true one may be '
        'found or not, and a smaller predicted one may lie anywhere'
    )
    add('--min-area', what, type=float, default=20)
    what = 'layers of PRED, TRUTH and AOI, as many as are named, in this order'
    add('--layer', what, default=[])
    what = 'CRS of files that do not say it, such as EPSG:32645'
    add('--crs', what)
    what = 'write predicted.json and true.json for tools of COCO, too'
    add('--coco', what, default=False)
    what = 'field of PRED that says how sure each one is, for AP'
    add('--confidence', what, default='confidence', metavar='FIELD')


def run(args: Namespace) -> None:
    from mmseg_cube.datasets.vectors import read_footprints
    from mmseg_cube.inference import vector_report
    from mmseg_cube.inference.vector_scores import VectorScores

    written = args.out / 'vectors.gpkg'
    read = [Path(x).resolve() for x in (args.pred, args.truth)]
    if written.resolve() in read:
        raise ValueError(f'{written} would be replaced; name another --out')
    ours, theirs, area = [*args.layer, None, None, None][:3]
    truth = read_footprints(args.truth, theirs, args.crs)
    fields = [args.confidence]
    pred = read_footprints(args.pred, ours, args.crs, truth.crs, fields)
    aoi = args.aoi and read_footprints(
        args.aoi, area, args.crs, truth.crs, ['name']
    )
    if aoi is not None and not len(aoi):
        raise ValueError(f'{args.aoi}: has no polygons')
    scores = VectorScores(
        pred, truth, aoi, args.iou, args.min_area, args.confidence
    )
    for table in vector_report.tabulate(scores.numbers):
        print(table.terminal(), end='\n\n')
    vector_report.write(scores, args.out)
    if args.coco:
        vector_report.write_coco(scores, args.out)
    print(f'vectors.md, .json, .gpkg and .png are in {args.out}')
