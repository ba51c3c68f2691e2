"""The ablation tool, called as a function; its runs are processes."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_cube.analysis.ablation.process import LOCK

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs' / 'unet_convnext'
NAME = 'unet_convnext-atto_1xb8-600_whu-128x128.py'
TINY = (
    'model.decode_head.norm_cfg.type=BN',
    'model.decode_head.widths=[8,8,8,8]',
    'train_dataloader.batch_size=1',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
)


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/ablate')


@pytest.fixture
def ablate(tool, sample_city, tmp_path):
    """Run the tool on tiny networks, in the folder ``study``."""
    data = [
        f'{loader}_dataloader.dataset.data_root={sample_city["whu"]}'
        for loader in ('train', 'val', 'test')
    ]

    def ablate(variants, *args, options=(), name=f'cube-{NAME}'):
        return tool.main([
            str(FOLDER / name), '--variants', *variants.split(),
            '--seeds', '0', '--work-dir', str(tmp_path / 'study'),
            '--devices', 'cpu', *args, '--cfg-options', *TINY, *data,
            *options,
        ])  # fmt: skip

    return ablate


def test_help(tool, capsys):
    with pytest.raises(SystemExit, match='0'):
        tool.main(['--help'])
    assert 'reconstruction+router.method=sort' in capsys.readouterr().out


def test_a_study(ablate, tmp_path, capsys):
    study = tmp_path / 'study'
    variants = 'baseline reconstruction+lattice_kernel_size=4'
    assert ablate(variants, '--processes', '2') == 0
    said = capsys.readouterr().out
    assert 'finished: baseline, seed 0' in said
    assert f'2 of 2 runs finished; {study / "ablation.md"}' in said
    numbers = json.loads((study / 'ablation.json').read_text())
    runs = [row['runs'][0] for row in numbers['variants']]
    assert runs[0]['digest'] == runs[1]['digest']
    assert runs[1]['parameters'] < runs[0]['parameters']
    text = (study / 'ablation.md').read_text(encoding='utf-8')
    assert '| `reconstruction+lattice_kernel_size=4` | 1 |' in text
    assert Image.open(study / 'ablation.png').format == 'PNG'

    results = list(study.glob('*/seed-0/result.json'))
    assert len(results) == 2
    when = [path.stat().st_mtime_ns for path in results]
    (study / 'ablation.md').unlink()
    assert ablate(variants) == 0
    assert [path.stat().st_mtime_ns for path in results] == when
    assert (study / 'ablation.md').exists()
    # Another reference needs no training.
    other = variants.split()[1]
    assert ablate(variants, '--report-only', '--reference', other) == 0
    text = (study / 'ablation.md').read_text(encoding='utf-8')
    assert f'val − {other} [95 %]' in text
    assert ablate(variants, '--report-only', '--score', 'AP') == 0
    text = (study / 'ablation.md').read_text(encoding='utf-8')
    assert 'scored: average precision' in text and '| val AP |' in text
    capsys.readouterr()
    assert ablate(variants, options=['train_cfg.max_iters=3']) == 2
    message = capsys.readouterr().err
    assert 'begun with train_cfg.max_iters = 2, now it is 3' in message


def test_a_failed_run(ablate, monkeypatch, capsys):
    failing = 'raise SystemExit("no such tile")'
    monkeypatch.setattr('mmseg_cube.analysis.ablation.process.START', failing)
    assert ablate('mask') == 1
    captured = capsys.readouterr()
    assert 'failed: mask, seed 0' in captured.out
    assert 'ablate: mask, seed 0 failed, see ' in captured.err
    assert captured.err.rstrip().endswith('no such tile')
    assert 'no run finished' in captured.out


def test_dry_run(ablate, tmp_path, capsys):
    assert ablate('full+mask.levels=0,1 baseline', '--dry-run') == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    configs = tmp_path / 'study' / 'configs'
    for line in lines:
        path, _, rest = line.partition(': ')
        assert 'M parameters' in rest and 'G FLOPs at 128 x 128' in rest
        assert Config.fromfile(path).randomness.seed == 0
    assert {path.name for path in configs.iterdir()} == {
        'full+mask.levels=0,1.py',
        'baseline.py',
    }
    assert not list((tmp_path / 'study').rglob(LOCK))


@pytest.mark.parametrize(
    'variants, args, message',
    [
        ('full cube', [], "no preset 'cube'"),
        ('full', ['--reference', 'mask'], '--reference mask is none of the'),
        ('reconstruction config', [], 'are the same network'),
        ('full', ['--report-only'], 'none of these runs is finished in'),
        ('full', ['--devices', 'cpu', '0'], 'name GPUs or cpu, not both'),
    ],
)
def test_wrong_input(ablate, tmp_path, capsys, variants, args, message):
    assert ablate(variants, *args) == 2
    error = capsys.readouterr().err
    assert error.startswith('ablate: ') and message in error
    assert not (tmp_path / 'study').exists()


def test_a_plain_config(ablate, capsys):
    assert ablate('full', name=NAME) == 2
    assert 'the model has no Cube kernels to vary' in capsys.readouterr().err


@pytest.mark.parametrize(
    'args', [['--seeds', '-1'], ['--confidence', '95'], ['--processes', '0']]
)
def test_numbers_out_of_range(tool, args):
    with pytest.raises(SystemExit, match='2'):
        tool.main([NAME, '--variants', 'full', *args])
