"""The checker of datasets, called as a function."""

import json
import shutil

import pytest
from PIL import Image


@pytest.fixture(scope='module')
def main(load_tool):
    return load_tool('dataset_converters/check').main


def test_good_data(main, sample_city, tmp_path, capsys):
    args = [str(sample_city['whu']), '--out', str(tmp_path / 'out')]
    assert main([*args, '--workers', '2']) == 0
    said = capsys.readouterr().out
    assert 'Fine' in said
    row = next(line for line in said.splitlines() if 'train' in line)
    assert row.split()[:4] == ['train', '4', '4', '256x256']
    assert 'published for the aerial set: 4,736' in said
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert names == {'report.json', 'contact_sheet.png'}
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['fine'] is True
    assert report['dataset'] == 'whu'
    assert report['parts']['train']['tiles'] == 4
    assert len(report['tiles']) == 8
    sheet = Image.open(tmp_path / 'out' / 'contact_sheet.png')
    orange = (255, 170, 0)  # outlines of masks
    colours = sheet.getcolors(sheet.width * sheet.height)
    assert {colour: count for count, colour in colours}[orange] > 500


def test_inria_tiles_and_no_files(main, sample_city, tmp_path, capsys):
    before = sorted(sample_city['inria'].rglob('*'))
    assert main([str(sample_city['inria']), '--workers', '1']) == 0
    assert 'published for the tiles: 25' in capsys.readouterr().out
    assert sorted(sample_city['inria'].rglob('*')) == before


def test_data_that_is_wrong(main, sample_city, tmp_path, capsys):
    root = shutil.copytree(sample_city['wbd'], tmp_path / 'data')
    shutil.copy(root / 'train/image/1.png', root / 'test/image/2.png')
    (root / 'val' / 'label' / '1.png').unlink()
    args = [str(root), '--workers', '1', '--dataset', 'wbd']
    assert main([*args, '--out', str(tmp_path / 'out')]) == 1
    said = capsys.readouterr().out
    assert 'Training would be wrong (2)' in said
    assert 'val/image/1.png: image without a mask' in said
    assert 'the same image in train and test' in said
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['fine'] is False
    assert len(report['findings']) == 2


def test_bad_input(main, tmp_path, capsys):
    assert main([str(tmp_path / 'nowhere')]) == 2
    assert 'Next: give the folder' in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert main([str(tmp_path), '--workers', '0']) == 2
    (tmp_path / 'file').write_text('')
    with pytest.raises(SystemExit):
        main([str(tmp_path), '--dataset', 'cityscapes'])
