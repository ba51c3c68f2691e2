import json

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from scipy import stats

from mmseg_cube.analysis.ablation.report import write_report
from mmseg_cube.analysis.ablation.results import Estimate, estimate
from mmseg_cube.analysis.ablation.study import Run, Study
from mmseg_cube.analysis.ablation.variants import parse_variant

RESULT = dict(
    config='cube-small',
    iterations=600,
    batch=8,
    crop=[128, 96],
    data='roofs',
    images=270,
    resumed=[],
    seconds_per_iteration=0.5,
    parameters=4_000_000,
    flops=2_000_000_000,
    versions=dict(mmseg='1.2.2'),
    machine=dict(device='some CPU', threads=2, torch='2.1', python='3.10'),
)


@pytest.fixture
def runs(tmp_path):
    """Runs of three variants, of which the first two have results."""
    variants = ['baseline', 'full', 'mask']
    runs = [
        Run(parse_variant(x), s, Config({}), tmp_path / x / str(s))
        for s in (0, 1, 2)
        for x in variants
    ]
    scores = {
        ('baseline', 0): (60, 70), ('baseline', 1): (62, 71),
        ('full', 0): (61, 68), ('full', 1): (65, 70), ('full', 2): (90, 90),
    }  # fmt: skip
    for run in runs:
        key = run.variant.text, run.seed
        if key in scores:
            put(run, *scores[key])
    return runs


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the charts out, which take most of the time."""
    for name in ('draw_differences', 'draw_losses'):
        monkeypatch.setattr(
            f'mmseg_cube.analysis.ablation.report.{name}', lambda *_: None
        )


def put(run, val, test, /, **changed):
    is_full = run.variant.text == 'full'
    result = dict(
        RESULT,
        variant=run.variant.text,
        seed=run.seed,
        digest=run.seed,
        val={'building/IoU': val},
        test={} if test is None else {'building/IoU': test},
        **(dict(parameters=3_000_000, seconds_per_iteration=0.4 + run.seed)
           if is_full else {}),
    )  # fmt: skip
    run.folder.mkdir(parents=True, exist_ok=True)
    run.result.write_text(json.dumps(result | changed))


def report(runs, out, reference='baseline', score='IoU'):
    assert write_report(Study(runs, reference, out, score))
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
    found = estimate(list(ours - theirs))
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert found.mean + found.half == pytest.approx(expected.high, rel=1e-14)
    assert found.mean - found.half == pytest.approx(expected.low, rel=1e-14)
    assert found.sd == pytest.approx(np.std(ours - theirs, ddof=1))


def test_spread_needs_two_seeds():
    assert estimate([7.5]) == Estimate(1, 7.5)
    assert estimate([7.5, 7.5]) == Estimate(2, 7.5, 0.0, 0.0)
    assert estimate([]) is None


def test_table_and_numbers(runs, tmp_path, undrawn):
    _, rows, numbers = report(runs, tmp_path)
    assert list(rows) == ['Variant', 'baseline', 'full', 'mask']
    assert rows['Variant'][2] == 'val − baseline [95 %]'
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
    assert rows['mask'] == ['0'] + ['–'] * 8
    baseline, full, mask = numbers['variants']
    assert baseline['scores']['val']['gain'] is None
    assert full['scores']['val']['gain']['mean'] == 2
    assert full['runs']['2']['val'] == {'building/IoU': 90}
    assert mask['runs'] == {}


def test_another_reference_and_score(runs, tmp_path, undrawn):
    _, rows, _ = report(runs, tmp_path, 'full')
    assert rows['baseline'][2] == '-2.00 [-14.71, +10.71]'
    assert rows['baseline'][6] == '4.000 (133.3 %)'
    assert rows['full'][2] == '–'
    for run in runs:
        if run.result.exists():
            tuned = 50 + 2 * run.seed + 3 * (run.variant.text == 'full')
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
        'Config cube-small: 600 iterations of 8 crops of 128 x 96 from 270 '
        'images of roofs.',
        '5 of 9 runs are finished, with seeds 0, 1, 2.',
        'all runs of a seed were trained with the same crops in the same '
        'order.',
        'device some CPU, threads 2, torch 2.1, python 3.10, mmseg 1.2.2.',
        'Choices are to be made on val',
    ):
        assert words in text
    assert str(tmp_path) not in text


def test_what_limits_the_comparison_is_said(runs, tmp_path, undrawn):
    machine = dict(device='some GPU', torch='2.2', python='3.10')
    put(runs[0], 60, 70, digest=5, resumed=[60, 120], machine=machine)
    text, _, _ = report(runs, tmp_path)
    assert 'same order, except those of seed 0. Interrupted' in text
    assert 'baseline with seed 0 (at 60, 120)' in text
    assert 'device some GPU / some CPU, torch 2.2 / 2.1, ' in text


def test_losses_and_charts(runs, tmp_path):
    text, _, _ = report(runs, tmp_path)
    assert 'ablation_loss.png' not in text
    chart, losses = tmp_path / 'ablation.png', tmp_path / 'ablation_loss.png'
    width = Image.open(chart).width
    assert not losses.exists()

    for run, last in zip(runs[:5], (0.5, 0.4, None, 0.7, 0.4), strict=True):
        if last:
            put(run, 50, None, loss=[1, last])
    text, rows, numbers = report(runs, tmp_path)
    # Without scores on test there is one panel.
    assert rows['baseline'][3:5] == ['–', '–']
    assert Image.open(chart).width == width
    assert rows['Variant'][5] == 'Loss'
    assert rows['baseline'][5] == '0.600'
    # Differences of -0.1 and -0.3; the third seed has no losses.
    assert rows['full'][5] == '0.400 (-0.200)'
    assert rows['mask'][5] == '–'
    assert 'Loss is that of the last 10 % of the training' in text
    baseline, full, _ = (variant['losses'] for variant in numbers['variants'])
    assert [loss['mean']['mean'] for loss in baseline[:2]] == [1, 0.6]
    assert full[1]['gain']['mean'] == pytest.approx(-0.2)
    assert full[1]['gain']['number'] == 2 and full[2]['mean'] is None
    assert '(ablation_loss.png)' in text
    assert Image.open(losses).format == 'PNG'


def test_one_seed_and_one_variant(runs, tmp_path):
    _, rows, _ = report(runs[:2], tmp_path)
    assert rows['full'][1:3] == ['61.00 ± –', '+1.00 [–]']
    alone = tmp_path / 'alone'
    text, rows, _ = report(runs[:1], alone)
    assert rows['baseline'][1] == '60.00 ± –'
    assert 'ablation.png' not in text
    assert not (alone / 'ablation.png').exists()


def test_nothing_finished(runs, tmp_path):
    out = tmp_path / 'out'
    assert write_report(Study(runs[2:3], 'mask', out, 'IoU')) is None
    assert not out.exists()
