import json
import re
import shutil

import pytest
from PIL import Image

from mmseg_cube.cli import main


def check(root, *words):
    return main(['check-data', str(root), *map(str, words)])


def test_good_data(sample_city, tmp_path, capsys):
    out = tmp_path / 'out'
    options = '--out', out, '--workers', 2
    assert check(sample_city['whu'], *options) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-2].startswith('Fine: nothing')
    row = next(line for line in said.splitlines() if 'train' in line)
    assert row.split()[:4] == ['train', '4', '4', '256x256']
    report = json.loads((out / 'report.json').read_text())
    assert (report['fine'], len(report['tiles'])) == (True, 8)
    sheet = Image.open(out / 'contact_sheet.png')
    colours = sheet.getcolors(sheet.width * sheet.height)
    orange = (255, 170, 0)  # outlines of masks
    assert {colour: count for count, colour in colours}[orange] > 500


def test_data_that_is_wrong(sample_city, tmp_path, capsys):
    root = shutil.copytree(sample_city['wbd'], tmp_path / 'data')
    (root / 'val' / 'label' / '1.png').unlink()
    for kind in ('image', 'label'):
        path = root / 'val' / kind / '2.png'
        path.rename(path.with_name('\udcff.png'))
    words = '--building-values', 255, '9,0,0', '--ignore-values', 7
    assert check(root, *words, '--out', tmp_path / 'out') == 1
    said = capsys.readouterr().out
    assert 'Training would be wrong (2)' in said
    assert 'val/image/1.png: image without a mask' in said
    assert r'val/image/\udcff.png: ' in said
    before = sorted(tmp_path.rglob('*'))
    for words, said in (
        ((root, '--building-values', 'red'), "a colour R,G,B, but got 'red'"),
        ((tmp_path / 'nowhere',), 'Next: give the folder'),
    ):
        assert check(*words) == 2
        assert said in capsys.readouterr().err
    assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize(
    ('dataset', 'code', 'said'),
    [
        ("dict(type='ConcatDataset', datasets=[a, a])", 0,
         r'train +4 .*\n\w+ +2 '),
        ("dict(a, split='train+val')", 1, r'the same image in train and val:'),
        ("dict(type='RepeatDataset', times=2, dataset=a)", 0, 'train +4 '),
        ('dict(a, bands=(1, 2))', 2, 'all of the same bands, scale'),
        ("dict(type='ADE20KDataset')", 2, 'train_dataloader has no Building'),
    ],
)  # fmt: skip
def test_data_of_a_config(
    tiny_config, sample_city, tmp_path, capsys, dataset, code, said
):
    config = tmp_path / 'own.py'
    config.write_text(
        f"_base_ = '{tiny_config}'\n"
        f"a = dict(type='BuildingDataset', data_root='{sample_city['whu']}')\n"
        f'train_dataloader = dict(dataset=dict(_delete_=True, **{dataset}))\n'
    )
    assert check(config) == code
    assert re.search(said, ''.join(capsys.readouterr()))
    assert check(config, '--bands', 1) == 2
    assert 'own.py says itself' in capsys.readouterr().err
