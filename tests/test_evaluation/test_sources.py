"""Scores say what they are scores of, also of datasets put together."""

import json

from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.registry import init_default_scope

from mmseg_cube.datasets import InriaDataset, WBDDataset, WHUBuildingDataset
from mmseg_cube.evaluation import BuildingMetric
from mmseg_cube.evaluation.sources import merge_sources

STEPS = 'LoadImageFromFile', 'LoadBuildingMask', 'PackSegInputs'
OPTIONS = dict(pipeline=[dict(type=x) for x in STEPS], serialize_data=False)


def score(dataset, folder):
    """What the report says was scored, and the scores; all is found."""
    metric = BuildingMetric(report_dir=folder)
    metric.dataset_meta = dataset.metainfo
    for place in range(len(dataset)):
        sample = dataset[place]['data_samples']
        sample.pred_sem_seg = sample.gt_sem_seg
        metric.process(None, [sample.to_dict()])
    scores = metric.evaluate(len(dataset))
    return json.loads((folder / 'metrics.json').read_text())['data'], scores


def test_datasets_together(sample_city, tmp_path):
    init_default_scope('mmseg')
    whu, wbd = (sample_city[name] for name in ('whu', 'wbd'))
    val = WHUBuildingDataset('val', whu, **OPTIONS)
    train = WHUBuildingDataset('train', whu, indices=1, **OPTIONS)
    name, both = 'WHUBuildingDataset', 'WHUBuildingDataset + WBDDataset'
    part = f'1 samples by indices of {name}'
    named = {
        (val, WBDDataset('val', wbd, **OPTIONS)): dict(
            dataset=both, split='val'
        ),
        (val, train): dict(dataset=name, split='val+train', part=part),
    }
    for datasets, expected in named.items():
        found, scores = score(ConcatDataset(datasets), tmp_path)
        assert found == expected
        assert scores['building/IoU'] == 100
    source = RepeatDataset(val, 3)[5]['data_samples'].data_source
    assert (source['dataset'], source['split']) == (name, 'val')


def test_a_part_is_not_called_the_protocol(sample_city, tmp_path, log):
    init_default_scope('mmseg')
    build = dict(split='val', data_root=sample_city['inria'], windows='whole')
    data, scores = score(InriaDataset(**build, **OPTIONS), tmp_path)
    assert data == dict(
        dataset='InriaDataset',
        split='val',
        part='5 of 25 tiles of InriaDataset, not the protocol "full"',
    )
    assert scores['building/Tiles'] == 5
    assert 'there is no chicago1, chicago2' in log.text
    data, _ = score(
        InriaDataset(**build, regions='austin', **OPTIONS), tmp_path
    )
    assert data['part'].startswith('5 of 25 tiles (austin) of')


def test_names():
    one = dict(dataset='A', split='train+val', protocol='full')
    other = dict(dataset='B', split='val', part='', protocol='full')
    both = dict(dataset='A + B', split='train+val', protocol='full')
    assert merge_sources([one, other, one]) == both
    assert merge_sources([]) == {}
    assert merge_sources([dict(split='test')] * 2) == dict(split='test')
