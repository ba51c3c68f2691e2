"""The benchmark of the operator, called as a function."""

import json
import re

import pytest
import torch
from PIL import Image

from mmseg_cube.analysis.operator_speed import candidates
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import FORMS

MEASURES = ('inference', 'forward + backward', 'peak memory')
CANDIDATES = {
    'nn.Conv2d',
    'Conv-BN-ReLU',
    'block',
    'auto',
    'lattice',
    'folded',
    'parity',
}


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/benchmark_operator')


@pytest.fixture(autouse=True)
def keep_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_measures_a_grid(tool, tmp_path, capsys):
    out = tmp_path / 'new' / 'folder'
    args = '--grid 8x6 16x4 --layout both --repeats 2 --threads 1 --batch 3'
    assert tool.main([*args.split(), '--out', str(out)]) == 0
    names = ['chart.png', 'results.json', 'table.md']
    assert sorted(p.name for p in out.iterdir()) == names
    Image.open(out / 'chart.png').verify()

    numbers = json.loads((out / 'results.json').read_text())
    facts, results = numbers['facts'], numbers['results']
    assert facts['torch'] == torch.__version__
    assert (facts['threads'], facts['batch']) == (1, 3)
    assert (facts['dtype'], facts['repeats']) == ('float32', 2)
    keys = [
        (r['channels'], r['size'], r['layout'], r['measure'], r['name'])
        for r in results
    ]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {
        (*row, layout, measure, name)
        for row in ((8, 6), (16, 4))
        for layout in ('contiguous', 'channels_last')
        for measure in MEASURES
        for name in CANDIDATES
    }
    for result in results:
        ratio = result['ratio']
        assert ratio['low'] <= ratio['median'] <= ratio['high']
        if result['bar'] is not None:
            assert result['passes'] == (ratio['median'] <= result['bar'])

    printed = capsys.readouterr().out
    barred = [r['passes'] for r in results if r['bar'] is not None]
    assert f'{sum(barred)} of {len(barred)} bars met' in printed
    table = (out / 'table.md').read_text()
    for text in (printed, table):
        assert len(re.findall(r'\d(?: pass| miss)\b', text)) == len(barred)
        assert text.count(' pass') == sum(barred)
        assert text.count('channels_last') == 2 * len(MEASURES)
    # Every ratio, to two digits, where the table has it.
    rows = [x for x in table.splitlines() if x.startswith('| 8 x 6 | contig')]
    for row, measure in zip(rows, MEASURES, strict=True):
        ratios = {
            r['name']: r['ratio']['median']
            for r in results[: len(results) // 4]
            if r['measure'] == measure
        }
        cells = [cell.strip() for cell in row.strip('|').split('|')]
        shown = [cells[3 + FORMS.index(form)] for form in FORMS]
        assert shown == [f'{ratios[form]:.2f}' for form in FORMS]


def test_bars_are_not_claimed_for_other_types(tool, tmp_path, capsys):
    args = ['--grid', '8x4', '--dtype', 'bfloat16', '--repeats', '1']
    assert tool.main([*args, '--out', str(tmp_path)]) == 0
    assert 'no bars are set for this' in capsys.readouterr().out
    assert 'bar' not in (tmp_path / 'table.md').read_text()
    numbers = json.loads((tmp_path / 'results.json').read_text())
    assert numbers['facts']['dtype'] == 'bfloat16'
    assert {r['passes'] for r in numbers['results']} == {None}


def test_lists_operations(tool, tmp_path, capsys):
    args = '--grid 8x6 8x4 --repeats 1 --threads 1 --profile'
    assert tool.main([*args.split(), '--out', str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    table = (tmp_path / 'table.md').read_text()
    profiles = json.loads((tmp_path / 'results.json').read_text())['profiles']
    assert [(p['size'], p['name']) for p in profiles] == [
        (size, name)
        for size in (6, 4)
        for name in ('nn.Conv2d', 'auto', 'Conv-BN-ReLU', 'block')
    ]
    for profile in profiles:
        title = f'{profile["name"]}, 8 x {profile["size"]}, contiguous'
        assert title in table and title in printed
        # The longest come first, and are never left out.
        longest = profile['operations'][0]
        row = f'| {longest["name"]} | {longest["calls"]:g} |'
        assert row in table.split(title)[1].split('**')[1]


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ('--profile --device cuda', '--profile is for the CPU, not for cuda'),
        ('--grid 6x8', 'divisible by scale^2 = 4'),
        ('--grid 64', "such as 64x128, but got '64'"),
        ('--grid 64x0', "such as 64x128, but got '64x0'"),
        ('--repeats 0', "must be a positive number, but got '0'"),
        ('--batch two', "must be a positive number, but got 'two'"),
        ('--dtype float16', 'invalid choice'),
    ],
)
def test_bad_arguments_are_said(tool, args, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        tool.main(args.split())
    assert message in capsys.readouterr().err


def test_missing_device_is_said(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    args = ['--device', 'cuda', '--out', str(tmp_path)]
    assert tool.main(args) == 2
    assert 'no CUDA device is available' in capsys.readouterr().err


def test_unusable_folder_is_said_before_measuring(
    tool, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tool, 'compare', None)
    (tmp_path / 'file').touch()
    assert tool.main(['--out', str(tmp_path / 'file')]) == 2
    assert str(tmp_path / 'file') in capsys.readouterr().err


def test_too_large_a_batch_is_said(tool, tmp_path, monkeypatch, capsys):
    def fail(*args):
        raise torch.cuda.OutOfMemoryError('out of memory')

    monkeypatch.setattr(tool, 'compare', fail)
    assert tool.main(['--out', str(tmp_path)]) == 2
    assert 'smaller --batch' in capsys.readouterr().err


def test_wrong_results_are_neither_timed_nor_written(
    tool, tmp_path, monkeypatch, capsys
):
    class Wrong(CubeConv2d):
        def forward(self, input):
            return super().forward(input) + (self.form == 'parity')

    monkeypatch.setattr(candidates, 'CubeConv2d', Wrong)
    args = ['--grid', '8x4', '--repeats', '1', '--out', str(tmp_path)]
    assert tool.main(args) == 2
    error = capsys.readouterr().err
    assert 'parity and lattice differ by' in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_a_gpu(tool, tmp_path):
    args = '--device cuda --dtype bfloat16 --layout channels_last --repeats 3'
    out = ['--grid', '128x16', '--out', str(tmp_path)]
    assert tool.main([*args.split(), *out]) == 0
    numbers = json.loads((tmp_path / 'results.json').read_text())
    assert numbers['facts']['device'] == torch.cuda.get_device_name()
    assert {r['bar'] for r in numbers['results']} == {None, 0.45, 0.65}
