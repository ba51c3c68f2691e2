import json
import re

import numpy as np
import pytest
from PIL import Image

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
    evaluate(scenes, VAL, report_dir=str(tmp_path), **OPTIONS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(before) == FILES
    for name in ('curve.png', 'groups.png'):
        with Image.open(tmp_path / name) as image:
            pixels = np.asarray(image.convert('RGB'))
        assert pixels.shape[0] > 300
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10

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
