import json

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
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


@pytest.fixture
def runs(tmp_path):
    """Runs of three variants, of which the first two have results."""
    variants = ['baseline', 'full', 'mask']
    runs = [
        Run(x, s, Config({}), tmp_path / x / str(s))
        for s in (0, 1, 2)
        for x in variants
    ]
    scores = {
        ('baseline', 0): (60, 70), ('baseline', 1): (62, 71),
        ('full', 0): (61, 68), ('full', 1): (65, 70), ('full', 2): (90, 90),
    }  # fmt: skip
    for run in runs:
        key = run.variant, run.seed
        if key in scores:
            put(run, *scores[key])
    return runs


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the chart out, which takes most of the time."""
    monkeypatch.setattr(module, 'draw', lambda *_: module.new_figure()[0])


def put(run, val, test, /, **changed):
    result = dict(RESULT, seed=run.seed, digest=run.seed)
    result['val'] = {'building/IoU': val}
    result['test'] = {} if test is None else {'building/IoU': test}
    if run.variant == 'full':
        result['parameters'] = 3_000_000
        result['seconds_per_iteration'] = 0.4 + run.seed
    run.folder.mkdir(parents=True, exist_ok=True)
    run.result.write_text(json.dumps(result | changed))


def report(runs, out, reference='baseline', score='IoU'):
    assert module.write_report(Study(runs, reference, out, score))
    text = (out / 'ablation.md').read_text(encoding='utf-8')
    rows = {
        cells[1].strip('` '): [cell.strip() for cell in cells[2:-1]]
        for cells in (x.split('|') for x in text.split('\n'))
        if len(cells) > 2 and not cells[1].startswith(' :-')
    }
    numbers = json.loads((out / 'ablation.json').read_text())
    return text, rows, numbers


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


def test_table_and_numbers(runs, tmp_path, undrawn):
    _, rows, numbers = report(runs, tmp_path)
    assert rows['Variant'] == [
        'Seeds', 'val IoU', 'val − baseline [95 %]', 'test IoU',
        'test − baseline [95 %]', 'Loss', 'Params (M)', 'FLOPs (G)',
        's / iteration',
    ]  # fmt: skip
    assert rows['baseline'] == [
        '2', '61.00 ± 1.41', '–', '70.50 ± 0.71', '–', '–', '4.000',
        '2.000', '0.500',
    ]  # fmt: skip
    # Differences of +1 and +3 on val, -2 and -1 on test; t = 12.7062. The
    # third seed has nothing to be compared with.
    assert rows['full'] == [
        '3', '72.00 ± 15.72', '+2.00 [-10.71, +14.71]',
        '76.00 ± 12.17', '-1.50 [-7.85, +4.85]', '–',
        '3.000 (75.0 %)', '2.000 (100.0 %)', '1.400 (180.0 %)',
    ]  # fmt: skip
    assert rows['mask'] == ['–'] * 9
    variants = numbers['variants']
    assert 'gain' not in variants['baseline']['val']
    assert variants['full']['val']['gain'] == 2
    assert numbers['runs']['full']['2']['val'] == {'building/IoU': 90}


def test_another_reference_and_score(runs, tmp_path, undrawn):
    _, rows, _ = report(runs, tmp_path, 'full')
    assert rows['baseline'][2] == '-2.00 [-14.71, +10.71]'
    assert rows['baseline'][6] == '4.000 (133.3 %)'
    assert rows['full'][2] == '–'
    for run in runs:
        if run.result.exists():
            tuned = 50 + 2 * run.seed + 3 * (run.variant == 'full')
            scores = {'building/TunedIoU': tuned}
            put(run, 0, 0, val=scores, test=scores)
    text, rows, _ = report(runs, tmp_path, score='tuned-IoU')
    assert rows['Variant'][1] == 'val tuned-IoU'
    assert 'percent, at the threshold that is best on val.' in text
    assert rows['full'][1:3] == ['55.00 ± 2.00', '+3.00 [+3.00, +3.00]']


def test_protocol(runs, tmp_path, undrawn):
    text, _, numbers = report(runs, tmp_path)
    assert '\n'.join(f'* {x}' for x in numbers['protocol']) in text
    for words in (
        '5 of 9 runs finished.',
        'config cube-small, iterations 600, batch 8, crop [128, 96], data '
        'roofs, images 270, device some CPU, threads 2, torch 2.1, mmseg 1.2',
        'begin anew): none.',
        'Choices are to be made on val',
        'Loss is that of the last 10 % of the training',
    ):
        assert words in text
    assert str(tmp_path) not in text
    machine = dict(device='some GPU', torch='2.2')
    put(runs[0], 60, 70, digest=5, machine=machine)
    text, _, _ = report(runs, tmp_path)
    assert 'begin anew): seed 0.' in text
    assert 'device some GPU / some CPU, torch 2.2 / 2.1, ' in text


def test_losses_and_chart(runs, tmp_path):
    for run, last in zip(runs[:5], (0.5, 0.4, None, 0.7, 0.4), strict=True):
        if last:
            put(run, 50, None, loss=[1, last])
    text, rows, numbers = report(runs, tmp_path)
    # There are no scores on test.
    assert rows['baseline'][3:6] == ['–', '–', '0.600']
    # Differences of -0.1 and -0.3; the third seed has no losses.
    assert rows['full'][5] == '0.400 (-0.200)'
    assert rows['mask'][5] == '–'
    losses = numbers['variants']['full']
    assert losses['loss 2']['gain'] == pytest.approx(-0.2)
    assert losses['loss 3'] == {}
    assert '(ablation.png)' in text
    assert Image.open(tmp_path / 'ablation.png').format == 'PNG'


def test_one_variant_and_nothing_finished(runs, tmp_path):
    alone, out = tmp_path / 'alone', tmp_path / 'out'
    _, rows, _ = report(runs[:1], alone)
    assert rows['baseline'][1] == '60.00'
    assert (alone / 'ablation.png').exists()
    assert module.write_report(Study(runs[2:3], 'mask', out, 'IoU')) is None
    assert not out.exists()
