"""``mmseg-cube ablate``; its runs are processes."""

import json

import pytest
from PIL import Image

from mmseg_cube.analysis.ablation.scores import SCORES
from mmseg_cube.analysis.ablation.study import LOCK
from mmseg_cube.cli import ablate as command
from mmseg_cube.cli import main

SHORT = (
    'train_dataloader.batch_size=1',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
)


@pytest.fixture
def ablate(tiny_config, tmp_path):
    """Run the command on tiny networks, in the folder ``study``."""

    def ablate(variants, *args, options=()):
        return main([
            'ablate', str(tiny_config), '--variants', *variants.split(),
            '--seeds', '0', '--out', str(tmp_path / 'study'), *args,
            '--cfg-options', *SHORT, *options,
        ])  # fmt: skip

    return ablate


def test_a_study(ablate, tmp_path, capsys):
    study = tmp_path / 'study'
    variants = 'baseline reconstruction+lattice_kernel_size=4'
    assert ablate(variants, '--devices', 'cpu', 'cpu') == 0
    said = capsys.readouterr().out
    assert 'finished: baseline, seed 0' in said
    assert f'2 of 2 runs finished; {study / "ablation.md"}' in said
    numbers = json.loads((study / 'ablation.json').read_text())
    first, second = (row['runs']['0'] for row in numbers['variants'])
    assert first['digest'] == second['digest']
    assert second['parameters'] < first['parameters']
    text = (study / 'ablation.md').read_text(encoding='utf-8')
    assert '| `reconstruction+lattice_kernel_size=4` |     1 |' in text
    assert Image.open(study / 'ablation.png').format == 'PNG'

    results = list(study.glob('*/seed-0/result.json'))
    assert len(results) == 2
    when = [path.stat().st_mtime_ns for path in results]
    (study / 'ablation.md').unlink()
    assert ablate(variants) == 0
    assert [path.stat().st_mtime_ns for path in results] == when
    # Another reference or score needs no training.
    other = variants.split()[1]
    args = '--report-only', '--against', other, '--score', 'AP'
    assert ablate(variants, *args) == 0
    text = (study / 'ablation.md').read_text(encoding='utf-8')
    assert f'val − {other} [95 %]' in text
    assert 'scored: average precision' in text and ' val AP |' in text
    assert ablate(variants, options=['train_cfg.max_iters=3']) == 2
    message = capsys.readouterr().err
    assert 'begun with train_cfg.max_iters = 2, now it is 3' in message


def test_a_failed_run(ablate, monkeypatch, capsys):
    failing = 'raise SystemExit("no such tile")'
    monkeypatch.setattr('mmseg_cube.analysis.ablation.queue.START', failing)
    assert ablate('mask', '--devices', 'cpu') == 1
    said = capsys.readouterr().out
    assert 'failed: mask, seed 0. The end of ' in said
    assert 'no such tile\nno run is finished in ' in said


def test_dry_run(ablate, tmp_path, capsys):
    assert ablate('full+mask@2,3=None baseline', '--dry-run') == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(': ')[0] for line in lines] == [
        str(tmp_path / 'study' / 'configs' / f'{name}.py')
        for name in ('full+mask@2,3=None', 'baseline')
    ]
    assert not list((tmp_path / 'study').rglob(LOCK))


@pytest.mark.parametrize(
    'variants, args, message',
    [
        ('full cube', [], "no preset 'cube'"),
        ('full', ['--against', 'mask'], '--against mask is none of the'),
        ('reconstruction config+router=None+mask=None', [], 'same network'),
        ('full', ['--devices', 'cuda:99'], 'there is no such device'),
        ('full', ['--confidence', '95'], 'must be between 0 and 1'),
    ],
)
def test_wrong_input(ablate, tmp_path, capsys, variants, args, message):
    assert ablate(variants, *args) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'study').exists()


def test_nothing_to_report(ablate, capsys):
    assert ablate('full', '--report-only') == 1
    assert 'no run is finished in ' in capsys.readouterr().out


def test_scores_are_those_of_the_report():
    assert tuple(SCORES) == command.SCORES
