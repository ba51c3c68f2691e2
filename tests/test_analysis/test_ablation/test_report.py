import json

import numpy as np
import pytest
from mmengine.config import Config
from scipy import stats

from mmseg_cube.analysis.ablation import report as module
from mmseg_cube.analysis.ablation.results import measure
from mmseg_cube.analysis.ablation.study import Run, Study

RESULT = dict(
    config='cube-small', iterations=600, batch=8, crop=[128, 96],
    data='roofs', images=270, parameters=4_000_000, flops=2_000_000_000,
    seconds_per_iteration=0.5,
    machine=dict(device='some CPU', threads=2, torch='2.1', mmseg='1.2.2'),
)  # fmt: skip
# Variant, seed, scores on val and test, and losses of the parts of the
# training; a third variant has no run.
RUNS = [
    ('baseline', 0, 60, 70, [1, 0.5]),
    ('baseline', 1, 62, 71, [1, 0.7]),
    ('full', 0, 61, 68, [1, 0.4]),
    ('full', 1, 65, 70, [1, 0.4]),
    ('full', 2, 90, 90, []),
]


@pytest.fixture
def report(tmp_path, monkeypatch):
    """Write results and report them; the text, table and numbers."""

    empty = module.new_figure()[0]
    # Drawing takes most of the time.
    monkeypatch.setattr(module, 'draw', lambda *_: empty)

    def report(changed=()):
        runs = [
            Run(variant, seed, Config({}), tmp_path / variant / str(seed))
            for seed in (0, 1, 2)
            for variant in ('baseline', 'full', 'mask')
        ]
        for variant, seed, *scores, loss in RUNS:
            result = dict(RESULT, seed=seed, digest=seed, loss=loss)
            for split, value in zip(('val', 'test'), scores, strict=True):
                result[split] = {'building/IoU': value}
            if variant == 'full':
                result['parameters'] = 3_000_000
                result['seconds_per_iteration'] = 0.4 + seed
            result |= dict(changed).get((variant, seed), {})
            path = tmp_path / variant / str(seed) / 'result.json'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(result))
        study = Study(runs, 'baseline', tmp_path, 'IoU')
        assert module.write_report(study)
        text = (tmp_path / 'ablation.md').read_text(encoding='utf-8')
        numbers = json.loads((tmp_path / 'ablation.json').read_text())
        table = module.tabulate(numbers['variants'], study)
        assert table.markdown() in text
        rows = {name.strip('`'): cells for name, *cells in table.rows}
        return text, rows, numbers

    return report


def test_interval_is_that_of_the_paired_t_test():
    ours, theirs = np.random.default_rng(0).normal(size=(2, 5))
    found = measure(dict(enumerate(ours)), dict(enumerate(theirs)))
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    interval = found['low'], found['high']
    assert interval == pytest.approx(tuple(expected), rel=1e-14)
    assert found['sd'] == pytest.approx(np.std(ours, ddof=1))
    # Spread needs two seeds.
    assert measure({0: 7.5}, {1: 5.0}) == dict(seeds=1, mean=7.5)
    pair = dict(seeds=1, mean=7.5, gain=2.5, percent=150)
    assert measure({0: 7.5}, {0: 5.0}) == pair
    assert measure({}, {0: 5.0}) == {}


def test_table_and_numbers(report):
    _, rows, numbers = report()
    assert rows['baseline'] == [
        '2', '61.00 ± 1.41', '–', '70.50 ± 0.71', '–', '0.600', '4.000',
        '2.000', '0.500',
    ]  # fmt: skip
    # Differences of +1 and +3 on val, -2 and -1 on test, -0.1 and -0.3 of the
    # loss; t = 12.7062. The third seed has nothing to be compared with.
    assert rows['full'] == [
        '3', '72.00 ± 15.72', '+2.00 [-10.71, +14.71]',
        '76.00 ± 12.17', '-1.50 [-7.85, +4.85]', '0.400 (-0.200)',
        '3.000 (75.0 %)', '2.000 (100.0 %)', '1.400 (180.0 %)',
    ]  # fmt: skip
    assert rows['mask'] == ['–'] * 9
    found = numbers['variants']['full']
    assert found['val']['gain'] == 2 and found['loss 3'] == {}
    assert found['loss 2']['gain'] == pytest.approx(-0.2)


def test_protocol(report, tmp_path):
    text, *_ = report()
    for words in (
        '5 of 9 runs finished.',
        'config cube-small, iterations 600, batch 8, crop [128, 96], data '
        'roofs, images 270, device some CPU, threads 2, torch 2.1, mmseg 1.2',
        'Except: none.',
    ):
        assert words in text
    assert str(tmp_path) not in text
    other = dict(digest=5, machine=dict(device='some GPU', torch='2.2'))
    text, _, _ = report({('baseline', 0): other})
    assert 'Except: seed 0.' in text
    assert 'device some GPU / some CPU, torch 2.2 / 2.1, ' in text
