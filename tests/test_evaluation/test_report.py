import json
import re

import numpy as np
import pytest

from mmseg_cube.evaluation import summary

OPTIONS = dict(
    boundary=dict(width=2),
    objects=dict(min_area=2),
    curve=dict(thresholds=9),
    group_by='(town[0-3]|town)',
)
VAL = dict(
    classes=('background', 'building'), dataset='InriaDataset', split='val'
)
GROUPS = ['town', 'town0', 'town1', 'town2', 'town3']
BARS = 'IoU', 'Accuracy'
FILES = ['curve.json', 'curve.png', 'groups.png', 'metrics.json']


def test_json_holds_counts_and_scores_of_each_group(
    scenes, evaluate, tmp_path
):
    folder = tmp_path / 'new' / 'report'
    found = evaluate(scenes, VAL, report_dir=str(folder), **OPTIONS)
    content = json.loads((folder / 'metrics.json').read_text())
    assert content['data'] == dict(dataset='InriaDataset', split='val')
    assert content['labels'] == 'the larger logit'
    assert content['options'] == dict(
        pixels={},
        boundary=dict(width=2),
        objects=dict(iou=0.5, connectivity=8, min_area=2),
        curve=dict(thresholds=9),
    )
    groups = content['groups']
    assert list(groups) == GROUPS
    for name in GROUPS:
        for key in ('IoU', 'Accuracy'):
            value = groups[name]['scores'][key]
            assert found[f'building/{key}_{name}'] == value
    members = {'all': scenes}
    for sample in scenes:
        name = re.match(OPTIONS['group_by'], sample['img_path'])[1]
        members.setdefault(name, []).append(sample)
    for name, entry in {'all': content['overall'], **groups}.items():
        own = members[name]
        counts, scores = entry['counts'], entry['scores']
        assert entry['images'] == len(own)
        # As if there were no others.
        alone = evaluate(own, **{**OPTIONS, 'group_by': None})
        for key, value in scores.items():
            assert alone[f'building/{key}'] == value
        pixels, curve = counts['pixels'], counts['curve']
        assert curve['built'] == pixels['tp'] + pixels['fn']
        assert curve['ground'] == pixels['fp'] + pixels['tn']
        for kind, key in dict(pixels='IoU', boundary='BoundaryIoU').items():
            tp, fp, fn = (counts[kind][each] for each in ('tp', 'fp', 'fn'))
            assert scores[key] == pytest.approx(100 * tp / (tp + fp + fn))


def test_pictures_and_a_full_disk(scenes, evaluate, tmp_path, monkeypatch):
    drawn, save = {}, summary.save_figure
    monkeypatch.setattr(
        summary,
        'save_figure',
        lambda figure, path: save(drawn.setdefault(path.name, figure), path),
    )
    found = evaluate(scenes, VAL, report_dir=str(tmp_path), **OPTIONS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(before) == FILES

    (axes,) = drawn['groups.png'].axes
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == [*GROUPS, 'all']
    ends = [f'_{name}' for name in GROUPS] + ['']
    scores = [found[f'building/{x}{end}'] for x in BARS for end in ends]
    assert [x.get_text() for x in axes.texts] == [f'{x:.1f}' for x in scores]
    for kind, place in zip(axes.containers, (-0.2, 0.2), strict=True):
        middles = [bar.get_center() for bar in kind]
        heights = [scores.pop(0) / 2 for _ in ends]
        places = np.arange(len(ends)) + place
        np.testing.assert_allclose(middles, np.transpose([places, heights]))

    left, right = drawn['curve.png'].axes
    points = json.loads(before['curve.json'])['points']
    for line in right.lines[:4]:
        pairs = [[x['threshold'], x[line.get_label()]] for x in points]
        assert line.get_xydata().tolist() == pairs
    some = [x for x in points if x['tp'] + x['fp']]
    pairs = [[x['Recall'], x['Precision']] for x in some]
    assert left.lines[0].get_xydata().tolist() == pairs

    def fail(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('matplotlib.figure.Figure.savefig', fail)
    monkeypatch.setattr('pathlib.Path.write_text', fail)
    with pytest.raises(OSError, match='No space left'):
        evaluate(scenes[:2], VAL, report_dir=str(tmp_path), **OPTIONS)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after == before


def test_log_has_the_table_of_inria(scenes, evaluate, log):
    data = dict(VAL, protocol='full')
    found = evaluate(scenes, data, threshold=0.4, **OPTIONS)
    assert (
        'buildings, InriaDataset val, protocol full, 7 images, '
        'labels: threshold 0.4, given as a number' in log.text
    )
    lines = [line.split() for line in log.text.splitlines()]
    start = next(i for i, words in enumerate(lines) if words[0] == 'Images')
    head, _, *groups, overall = lines[start : start + 8]
    assert head[1:5] == ['IoU', 'Accuracy', 'BoundaryIoU', 'ObjectPrecision']
    assert [row[0] for row in groups] == GROUPS
    for row in groups:
        for cell, key in zip(row[1:3], ('IoU', 'Accuracy'), strict=True):
            assert cell == f'{found[f"building/{key}_{row[0]}"]:.2f}'
    shown = [f'{found[f"building/{key}"]:.2f}' for key in head[1:]]
    assert overall == ['all', *shown]
