import json

import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_cube.analysis.ablation.notation import parse_variant
from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.report import write_report

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
def study(tmp_path):
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


def report(runs, out, reference='baseline', confidence=0.9):
    assert write_report(runs, reference, confidence, out)
    text = (out / 'ablation.md').read_text(encoding='utf-8')
    rows = {
        cells[1].strip('` '): [cell.strip() for cell in cells[2:-1]]
        for cells in (x.split('|') for x in text.split('\n'))
        if len(cells) > 2
    }
    numbers = json.loads((out / 'ablation.json').read_text())
    return text, rows, numbers


def test_table(study, tmp_path):
    _, rows, _ = report(study, tmp_path)
    assert list(rows) == ['Variant', '---', 'baseline', 'full', 'mask']
    assert rows['Variant'][2] == 'val − baseline [90 %]'
    assert rows['baseline'] == [
        '2', '61.00 ± 1.41', '–', '70.50 ± 0.71', '–', '–', '4.000',
        '2.000', '0.500',
    ]  # fmt: skip
    # Differences of +1 and +3 on val, -2 and -1 on test; t = 6.3138. The
    # third seed has nothing to be compared with.
    assert rows['full'] == [
        '3', '72.00 ± 15.72', '+2.00 [-4.31, +8.31]',
        '76.00 ± 12.17', '-1.50 [-4.66, +1.66]', '–',
        '3.000 (75.0 %)', '2.000 (100.0 %)', '1.400 (x 1.80)',
    ]  # fmt: skip
    assert rows['mask'] == ['0'] + ['–'] * 8


def test_another_reference(study, tmp_path):
    _, rows, numbers = report(study, tmp_path, 'full')
    assert rows['baseline'][2] == '-2.00 [-8.31, +4.31]'
    assert rows['baseline'][6] == '4.000 (133.3 %)'
    assert rows['full'][2] == '–'
    assert numbers['reference'] == 'full'


def test_another_score(study, tmp_path):
    for seed, tuned in enumerate((50, 52)):
        for run in (r for r in study if r.seed == seed):
            if run.result.exists():
                gain = 3 * (run.variant.text == 'full')
                scores = {'building/TunedIoU': tuned + gain}
                put(run, 0, 0, val=scores, test=scores)
    write_report(study, 'baseline', 0.9, tmp_path, 'tuned-IoU')
    text = (tmp_path / 'ablation.md').read_text(encoding='utf-8')
    assert '| val tuned-IoU |' in text
    assert 'percent, at the threshold that is best on val.' in text
    assert '| `full` | 3 | 54.00 ± 1.41 | +3.00 [+3.00, +3.00] |' in text
    numbers = json.loads((tmp_path / 'ablation.json').read_text())
    assert numbers['score'] == 'tuned-IoU'


def test_numbers(study, tmp_path):
    _, _, numbers = report(study, tmp_path)
    first, second, third = numbers['variants']
    assert first['gains'] == dict(val=None, test=None)
    assert second['gains']['val']['mean'] == 2
    assert second['scores']['val']['number'] == 3
    assert second['seconds_ratio'] == pytest.approx((0.8 + 2.8) / 2)
    assert [run['seed'] for run in second['runs']] == [0, 1, 2]
    assert second['runs'][2]['val'] == {'building/IoU': 90}
    assert third['runs'] == []


def test_protocol(study, tmp_path):
    text, _, numbers = report(study, tmp_path)
    assert '\n'.join(f'* {x}' for x in numbers['protocol']) in text
    for words in (
        'Config cube-small: 600 iterations of 8 crops of 128 x 96 from 270 '
        'images of roofs.',
        '5 of 9 runs are finished, with seeds 0, 1, 2.',
        'all runs of a seed were trained with the same crops in the same '
        'order.',
        'some CPU (2 threads per run)',
        'python 3.10, torch 2.1, mmseg 1.2.2',
        'Choices are to be made on val',
    ):
        assert words in text
    assert str(tmp_path) not in text


def test_what_limits_the_comparison_is_said(study, tmp_path):
    machine = dict(device='some GPU', torch='2.2', python='3.10')
    put(study[0], 60, 70, digest=5, resumed=[60, 120], machine=machine)
    text, _, _ = report(study, tmp_path)
    assert 'same order, except those of seed 0. These were' in text
    assert 'baseline with seed 0 (at 60, 120)' in text
    assert 'some GPU / some CPU (2 threads per run)' in text
    assert 'torch 2.2 / 2.1' in text


def test_chart(study, tmp_path):
    text, _, _ = report(study, tmp_path)
    assert '(ablation.png)' in text
    width = Image.open(tmp_path / 'ablation.png').width
    # Without scores on test there is one panel.
    for run in study:
        if run.result.exists():
            put(run, 50, None)
    _, rows, _ = report(study, tmp_path)
    assert rows['full'][3:5] == ['–', '–']
    assert Image.open(tmp_path / 'ablation.png').width == width


def test_losses(study, tmp_path):
    text, _, numbers = report(study, tmp_path)
    assert 'ablation_loss.png' not in text
    assert not (tmp_path / 'ablation_loss.png').exists()
    assert numbers['variants'][0]['losses'] == []

    for run, last in zip(study[:5], (0.5, 0.4, None, 0.7, 0.4), strict=True):
        if last:
            put(run, 50, 50, loss=[1, last])
    text, rows, numbers = report(study, tmp_path)
    assert rows['Variant'][5] == 'Loss'
    assert rows['baseline'][5] == '0.600'
    # Differences of -0.1 and -0.3; the third seed has no losses.
    assert rows['full'][5] == '0.400 (-0.200)'
    assert rows['mask'][5] == '–'
    assert 'Loss is that of the last 10 % of the training' in text
    baseline, full, mask = numbers['variants']
    assert [x['mean'] for x in baseline['losses']] == [1, 0.6]
    assert baseline['loss_gains'] == mask['loss_gains'] == []
    assert full['loss_gains'][1]['mean'] == pytest.approx(-0.2)
    assert full['loss_gains'][1]['number'] == 2
    assert '(ablation_loss.png)' in text
    assert Image.open(tmp_path / 'ablation_loss.png').format == 'PNG'


def test_one_seed_and_one_variant(study, tmp_path):
    _, rows, _ = report(study[:2], tmp_path)
    assert rows['full'][1:3] == ['61.00 ± –', '+1.00 [–]']
    alone = tmp_path / 'alone'
    alone.mkdir()
    text, rows, _ = report(study[:1], alone)
    assert rows['baseline'][1] == '60.00 ± –'
    assert 'ablation.png' not in text
    assert not (alone / 'ablation.png').exists()


def test_nothing_finished(study, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    assert write_report(study[2:3], 'mask', 0.95, out) == 0
    assert not list(out.iterdir())
