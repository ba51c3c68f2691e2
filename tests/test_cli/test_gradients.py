"""The comparison of gradients, from the command line to its pictures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_cube.cli import main

LAYERS = [
    f'decode_head.levels.{i}.conv{j}.conv' for i in range(4) for j in (1, 2)
]
SMALL = ['--cfg-options', 'train_dataloader.batch_size=2']


@pytest.fixture(scope='module')
def trained(tiny_segmentor, tmp_path_factory):
    """Checkpoint of the Cube network after ten iterations."""
    path = tmp_path_factory.mktemp('trained') / 'cube.pth'
    state = tiny_segmentor().state_dict()
    torch.save(dict(state_dict=state, meta=dict(iter=10)), path)
    return path


def run(*args, out):
    return main(['gradients', *map(str, args), '--out', str(out), *SMALL])


def test_compares_a_pair_over_its_training(
    tiny_config, plain_twin, trained, tmp_path, capsys
):
    out = tmp_path / 'new' / 'folder'
    # In any order, with random weights among them.
    plain, weights = plain_twin
    first, second = [trained, 'init'], ['init', weights]
    chosen = [LAYERS[0], '*levels.3.*']
    args = ['--against', plain, '--against-checkpoints', *second]
    args += ['--layers', *chosen, '--batches', 3]
    assert run(tiny_config, *first, *args, out=out) == 0
    layers = [LAYERS[0], *LAYERS[6:]]
    pictures = ['layers', 'curves', *(f'heat_maps/{x}' for x in layers)]
    assert {x.relative_to(out) for x in out.rglob('*.png')} == {
        (out / f'{stem}.png').relative_to(out) for stem in pictures
    }
    page = (out / 'gradient_correlation.md').read_text()
    for stem in pictures:
        assert np.ptp(np.asarray(Image.open(out / f'{stem}.png'))) > 0
        assert f'({stem}.png)' in page

    numbers = json.loads((out / 'gradient_correlation.json').read_text())
    assert [x['name'] for x in numbers['networks']] == ['cube-tiny', 'tiny']
    records = numbers['records']
    # Times, gradients, layers and their mean, networks and their ratio.
    assert len(records) == 2 * 2 * 4 * 3
    for record in records:
        assert record['mean_abs_correlation']['error'] > 0
        if record['of'] != 'ratio':
            assert record['iteration'] in (0, 10)
            assert {'same_cell', 'other_cell'} < record.keys()
    # 8 outputs, 4 or 9 taps, 3 batches.
    samples = {
        x['of']: x['samples']
        for x in records
        if (x['layer'], x['gradient']) == (LAYERS[7], 'weight')
        and x['of'] != 'ratio'
    }
    assert samples == dict(network=96, against=216)
    # The terminal has the last ones, the page all.
    said = capsys.readouterr().out
    row = next(x for x in records[-12:] if x['of'] == 'ratio')
    number = row['effective_rank_share']
    shown = f'{number["value"]:.3f} ± {number["error"]:.3f}'
    assert shown in said and shown in page
    assert len(said.splitlines()) < len(page.splitlines())


def test_a_network_is_no_different_from_itself(
    tiny_config, tiny_checkpoint, tmp_path, capsys
):
    files = [tiny_checkpoint, '--against', tiny_config]
    files += ['--against-checkpoints', tiny_checkpoint]
    args = ['--layers', LAYERS[0], '--batches', 2]
    assert run(tiny_config, *files, *args, out=tmp_path) == 0
    assert '1.000 ± 0.000' in capsys.readouterr().out
    assert not (tmp_path / 'curves.png').exists()
    numbers = json.loads((tmp_path / 'gradient_correlation.json').read_text())
    assert numbers['networks'][1]['name'] == 'cube-tiny (against)'
    # The checkpoint does not say when it was written.
    assert numbers['records'][0]['iteration'] is None


def test_one_plain_network_on_validation_images(plain_twin, tmp_path, capsys):
    args = ['--layers', LAYERS[7], '--split', 'val', '--batches', 1]
    assert run(plain_twin[0], *args, out=tmp_path) == 0
    said = capsys.readouterr().out
    assert ' ratio ' not in said and '±' not in said
    numbers = json.loads((tmp_path / 'gradient_correlation.json').read_text())
    assert numbers['records'][0]['samples'] == 128 * 128
    # Nothing says how its channels would share cells.
    assert 'same_cell' not in numbers['records'][0]


def test_wrong_checkpoints_are_said(
    tiny_config, trained, tiny_checkpoint, tmp_path, capsys
):
    content = torch.load(trained)
    content['state_dict']['decode_head.conv_seg.weight'][0] = torch.nan
    diverged = tmp_path / 'diverged.pth'
    torch.save(content, diverged)
    out = tmp_path / 'out'
    for args, message in (
        ([trained, tiny_checkpoint], 'are of 10, None'),
        ([trained, trained], 'are of 10, 10'),
        ([diverged, '--batches', 1], 'has the training diverged?'),
    ):
        assert run(tiny_config, *args, out=out) == 2
        assert message in capsys.readouterr().err
        assert not out.exists()
