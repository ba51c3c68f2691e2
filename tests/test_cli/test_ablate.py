"""``mmseg-cube ablate`` on tiny networks."""

import json

import pytest
from mmengine.config import Config

from mmseg_cube.analysis.ablation.results import SCORES
from mmseg_cube.cli import ablate as command
from mmseg_cube.cli import main


@pytest.fixture
def ablate(tiny_config, tmp_path):
    """Run the command on tiny networks, in the folder ``study``."""

    def ablate(variants, *args):
        return main([
            'ablate', str(tiny_config), '--variants', *variants.split(),
            '--seeds', '0', '--out', str(tmp_path / 'study'), *args,
            '--cfg-options', 'train_dataloader.batch_size=1',
            'train_cfg.max_iters=2', 'train_cfg.val_interval=2',
        ])  # fmt: skip

    return ablate


def test_a_study(ablate, tmp_path, capsys):
    study = tmp_path / 'study'
    baseline, cube = 'baseline', 'reconstruction+lattice_kernel_size=4'
    assert ablate(cube, '--device', 'cpu') == 0
    said = capsys.readouterr().out
    assert f'1 of 1 runs finished; {study / "ablation.md"}' in said
    result = study / cube / 'seed-0' / 'result.json'
    when = result.stat().st_mtime_ns

    # What is finished is not trained again.
    assert ablate(f'{baseline} {cube}', '--device', 'cpu') == 0
    assert result.stat().st_mtime_ns == when
    numbers = json.loads((study / 'ablation.json').read_text())
    assert list(numbers['variants']) == [baseline, cube]
    assert (study / 'ablation.png').exists()
    # Another reference or score needs no training.
    args = '--report-only', '--reference', cube, '--score', 'AP'
    assert ablate(f'{baseline} {cube}', *args) == 0
    text = (study / 'ablation.md').read_text(encoding='utf-8')
    assert f'val − {cube} [95 %]' in text and ' val AP |' in text


def test_none_is_finished(ablate, capsys):
    assert ablate('mask', '--report-only') == 1
    assert capsys.readouterr().out.startswith('no run is finished in ')
    # What can be asked for can be reported.
    assert tuple(SCORES) == command.SCORES


def test_dry_run(ablate, tmp_path, capsys):
    texts, cubes = ('full+levels=2,3', 'baseline'), (4, 0)
    assert ablate(' '.join(texts), '--dry-run') == 0
    lines = capsys.readouterr().out.splitlines()
    for text, count, line in zip(texts, cubes, lines, strict=True):
        path, _, rest = line.partition(': ')
        assert path == str(tmp_path / 'study' / 'configs' / f'{text}.py')
        assert ' M parameters, ' in rest and ' G FLOPs at (64, 64); ' in rest
        assert f'Cube kernels: {count} of 17' in rest
        assert Config.fromfile(path).randomness.seed == 0
    assert not list((tmp_path / 'study').rglob('result.json'))
