import json

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


def score(counts):
    tp, fp, fn = (counts[key] for key in ('tp', 'fp', 'fn'))
    return 100 * tp / (tp + fp + fn), 200 * tp / (2 * tp + fp + fn)


def test_json_holds_counts_and_scores_of_each_group(
    scenes, evaluate, tmp_path
):
    folder = tmp_path / 'new' / 'report'
    found = evaluate(scenes, VAL, report_dir=str(folder), **OPTIONS)
    content = json.loads((folder / 'metrics.json').read_text())
    assert content['data'] == dict(dataset='InriaDataset', split='val')
    assert content['labels'] == 'the larger logit'
    objects = dict(iou=0.5, connectivity=8, min_area=2)
    options = dict(boundary=dict(width=2), objects=objects)
    assert content['options'] == dict(
        pixels={}, curve=dict(thresholds=9), **options
    )
    assert list(content['groups']) == GROUPS
    entries = [content['overall'], *content['groups'].values()]
    assert [entry['images'] for entry in entries] == [7, 3, 1, 1, 1, 1]
    for entry in entries:
        counts, scores = entry['counts'], entry['scores']
        pixels = counts['pixels']
        assert (scores['IoU'], scores['F1']) == pytest.approx(score(pixels))
        right = pixels['tp'] + pixels['tn']
        share = 100 * right / sum(pixels.values())
        assert scores['Accuracy'] == pytest.approx(share)
        boundary, objects = counts['boundary'], counts['objects']
        assert scores['BoundaryIoU'] == pytest.approx(score(boundary)[0])
        assert scores['ObjectF1'] == pytest.approx(score(objects)[1])
        curve = counts['curve']
        assert sum(curve['built']) == pixels['tp'] + pixels['fn']
        assert sum(curve['ground']) == pixels['fp'] + pixels['tn']
    for kind in ('pixels', 'boundary', 'objects'):
        for key, value in content['overall']['counts'][kind].items():
            assert sum(e['counts'][kind][key] for e in entries[1:]) == value
    for name, value in content['overall']['scores'].items():
        assert found[f'building/{name}'] == value
    for name in GROUPS:
        scores = content['groups'][name]['scores']
        assert found[f'building/IoU_{name}'] == scores['IoU']
        assert found[f'building/Accuracy_{name}'] == scores['Accuracy']


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


def test_draws_what_has_no_score(make_sample, evaluate, tmp_path):
    ignored = np.full((4, 4), 255)
    sample = make_sample(ignored * 0, ignored, logits=np.zeros((2, 4, 4)))
    options = {**OPTIONS, 'group_by': '(a)'}
    found = evaluate([sample], report_dir=str(tmp_path), **options)
    assert set(found.values()) == {0.0}
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_numbers_only(scenes, evaluate, tmp_path):
    # The latest evaluation replaces the one before.
    for count in (7, 2):
        evaluate(scenes[:count], report_dir=str(tmp_path), threshold=0.25)
        (path,) = tmp_path.iterdir()
        assert path.name == 'metrics.json'
        content = json.loads(path.read_text())
        assert content['overall']['images'] == count
    assert content['groups'] == content['data'] == {}
    assert content['labels'] == 'threshold 0.25, given as a number'


def test_log_has_the_table_of_inria(scenes, evaluate, log_of):
    data = dict(VAL, protocol='full')
    found = evaluate(scenes, data, threshold=0.4, **OPTIONS)
    assert (
        'buildings, InriaDataset val, protocol full, 7 images, '
        'labels: threshold 0.4, given as a number' in log_of()
    )
    lines = [line.split() for line in log_of().splitlines()]
    start = next(i for i, words in enumerate(lines) if words[0] == 'Images')
    head, _, *groups, overall = lines[start : start + 8]
    assert head[1:5] == ['IoU', 'Accuracy', 'BoundaryIoU', 'ObjectPrecision']
    assert [row[0] for row in groups] == GROUPS
    for row in groups:
        for cell, key in zip(row[1:3], ('IoU', 'Accuracy'), strict=True):
            assert cell == f'{found[f"building/{key}_{row[0]}"]:.2f}'
    shown = [f'{found[f"building/{key}"]:.2f}' for key in head[1:]]
    assert overall == ['all', *shown]
