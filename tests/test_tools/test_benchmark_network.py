"""The benchmark of networks, called as a function."""

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs' / 'unet_convnext'
NAMES = ('small', 'cube-small')
SHRUNKEN = """
_base_ = '{base}'
model = dict(
    backbone=dict(arch=dict(_delete_=True, depths=[1, 1], channels=[8, 16]),
                  out_indices=[0, 1]),
    decode_head=dict(in_channels=[8, 16], widths=[8, 8]))
"""
TASKS = (
    'inference as trained',
    'inference deployed',
    'throughput deployed',
    'training step',
)
MEASURES = ('time', 'peak memory')
LAYOUTS = ('contiguous', 'channels_last')


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/benchmark_network')


@pytest.fixture(scope='module')
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    paths = [folder / f'{name}.py' for name in NAMES]
    for path, prefix in zip(paths, ('', 'cube-'), strict=True):
        base = FOLDER / f'{prefix}unet_convnext-atto_1xb8-600_whu-128x128.py'
        path.write_text(SHRUNKEN.format(base=base))
    return [str(path) for path in paths]


@pytest.fixture(autouse=True)
def keep_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_measures_a_pair(tool, pair, tmp_path, capsys):
    out = tmp_path / 'new' / 'folder'
    args = '--size 32 --batch 3 --repeats 2 --threads 1 --profile 2'
    args = [*args.split(), '--out', str(out), '--layouts', *LAYOUTS]
    assert tool.main([*pair, *args]) == 0
    names = ['chart.png', 'results.json', 'table.md']
    assert sorted(p.name for p in out.iterdir()) == names
    Image.open(out / 'chart.png').verify()

    numbers = json.loads((out / 'results.json').read_text())
    facts, results = numbers['facts'], numbers['results']
    assert facts['torch'] == torch.__version__
    assert (facts['threads'], facts['repeats']) == (1, 2)
    assert (facts['size'], facts['batch']) == (32, 3)
    assert facts['dtype'] == 'float32'
    keys = [
        (r['network'], r['layout'], r['task'], r['measure']) for r in results
    ]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {
        (name, layout, task, measure)
        for name in NAMES
        for layout in LAYOUTS
        for task in TASKS
        for measure in MEASURES
    }
    for result in results:
        assert result['reference'] == NAMES[0]
        assert result['images'] == (1 if 'inf' in result['task'] else 3)
        assert (result['bar'] is None) == (result['network'] == NAMES[0])
        ratio = result['ratio']
        assert ratio['low'] <= ratio['median'] <= ratio['high']
        if result['bar'] is not None:
            assert result['passes'] == (ratio['median'] <= result['bar'])

    printed = capsys.readouterr().out
    barred = [r['passes'] for r in results if r['bar'] is not None]
    assert f'{sum(barred)} of {len(barred)} bars met' in printed
    assert 'paramwise_options' not in printed
    table = (out / 'table.md').read_text()
    for text in (printed, table):
        assert len(re.findall(r'\d(?: pass| miss)\b', text)) == len(barred)
        assert text.count(' pass') == sum(barred)
        assert all(task in text for task in TASKS)
    check_cells(table, results)
    check_profiles(table, numbers['profiles'])


def check_cells(table, results):
    """Every value and ratio stands where the table has it."""
    rows = [x for x in table.splitlines() if re.match(r'\| (cube-)?small ', x)]
    cells = [[cell.strip() for cell in x.strip('|').split('|')] for x in rows]
    by_key = {tuple(row[:2]): [] for row in cells}
    for row in cells:
        by_key[tuple(row[:2])].append(row)
    for (name, layout), rows in by_key.items():
        assert len(rows) == len(TASKS)
        for task, row in zip(TASKS, rows, strict=True):
            time, memory = (
                r
                for measure in MEASURES
                for r in results
                if (r['network'], r['layout']) == (name, layout)
                and (r['task'], r['measure']) == (task, measure)
            )
            seconds = time['value']['median']
            if 'throughput' in task:
                assert row[2] == f'{3 / seconds:.2f}'
            else:
                assert row[2] == f'{1e3 * seconds:.1f}'
            assert row[5] == f'{memory["value"]["median"] / 2**20:.1f}'
            if name == NAMES[1]:
                ratio = time['ratio']
                assert row[
                    3
                ] == '{median:.2f} ({low:.2f} - {high:.2f})'.format(**ratio)
                assert row[6] == f'{memory["ratio"]["median"]:.2f}'


def check_profiles(table, profiles):
    """A profile per network and layout, down to the depth asked for."""
    keys = {(x['network'], x['layout']) for x in profiles}
    assert keys == {(name, layout) for name in NAMES for layout in LAYOUTS}
    for x in profiles:
        rows = {row['module']: row for row in x['rows']}
        assert {'backbone', 'decode_head', 'optimizer'} < set(rows)
        assert max(name.count('.') for name in rows) == 1
        assert rows['backbone']['backward'] > 0
        assert f'**{x["network"]}, {x["layout"]}: ' in table
    assert len(re.findall(r'\| whole network .*100\.0 \|', table)) == 4


def test_without_profile_there_is_none(tool, pair, tmp_path, capsys):
    args = ['--size', '32', '--repeats', '1', '--dtype', 'bfloat16']
    assert tool.main([*pair, *args, '--out', str(tmp_path)]) == 0
    assert 'whole network' not in capsys.readouterr().out
    numbers = json.loads((tmp_path / 'results.json').read_text())
    assert numbers['profiles'] == []
    assert numbers['facts']['dtype'] == 'bfloat16'
    assert {r['layout'] for r in numbers['results']} == {'contiguous'}


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ([], 'required: config'),
        (
            ['a.py', 'b.py', '--size', '0'],
            "must be a positive number, but got '0'",
        ),
        (
            ['a.py', 'b.py', '--batch', 'two'],
            "must be a positive number, but got 'two'",
        ),
        (['a.py', 'b.py', '--layouts', 'flat'], 'invalid choice'),
        (['a.py', 'b.py', '--profile', '-1'], 'must be a positive number'),
        (['a.py', 'b.py', '--dtype', 'float16'], 'invalid choice'),
    ],
)
def test_bad_arguments_are_said(tool, args, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        tool.main(args)
    assert message in capsys.readouterr().err


def test_bad_configs_are_said(tool, pair, tmp_path, capsys):
    bare = tmp_path / 'bare.py'
    bare.write_text('work_dir = None')
    for args, message in (
        (pair[:1], 'nothing to compare'),
        ([pair[0], 'missing.py'], 'missing.py'),
        ([pair[0], str(bare)], 'bare.py has no model'),
        ([pair[0], pair[0]], 'is given twice'),
    ):
        assert tool.main([*args, '--out', str(tmp_path / 'out')]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.startswith('benchmark_network: ')
    assert not (tmp_path / 'out').exists()


def test_missing_device_is_said(tool, pair, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    args = [*pair, '--device', 'cuda', '--out', str(tmp_path)]
    assert tool.main(args) == 2
    assert 'no CUDA device is available' in capsys.readouterr().err


def test_unusable_folder_is_said_before_measuring(
    tool, pair, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tool, 'compare', None)
    (tmp_path / 'file').touch()
    assert tool.main([*pair, '--out', str(tmp_path / 'file')]) == 2
    assert str(tmp_path / 'file') in capsys.readouterr().err


def test_too_large_images_are_said(tool, pair, tmp_path, monkeypatch, capsys):
    def fail(*args):
        raise torch.cuda.OutOfMemoryError('out of memory')

    monkeypatch.setattr(tool, 'compare', fail)
    assert tool.main([*pair, '--out', str(tmp_path)]) == 2
    assert 'smaller --batch or --size' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
