"""A model zoo of tiny networks, made up in a folder of its own, and ours."""

from pathlib import Path

import pytest
import yaml

from mmseg_cube.analysis.zoo.pages import find_outdated, generate
from mmseg_cube.cli import main

ROOT = Path(__file__).resolve().parents[3]

METAFILE = """\
# By hand.
Collections:
  - Name: Net
    License: &license Apache License 2.0
    Paper: {Title: 'Networks: a study', URL: https://example.org/net}
  - Name: Cube-Net
    License: *license
"""
README = """\
# Net

Text before.

<!-- table: mmseg-cube zoo -->
whatever
<!-- end of table -->

Text after.
"""
NET, CUBE = 'net_4xb8-1k_whu-64x64', 'cube-net_4xb8-1k_whu-64x64'
INRIA = 'net_4xb8-1k_inria-trainval-64x64'


@pytest.fixture()
def root(tiny_config, tmp_path):
    base = tmp_path / 'configs/_base_/net.py'
    base.parent.mkdir(parents=True)
    plain = "decode_head=dict(conv_cfg=dict(_delete_=True, type='Conv2d'))"
    base.write_text(f"_base_ = r'{tiny_config}'\nmodel = dict({plain})")
    add_family(tmp_path, 'net')
    return tmp_path


@pytest.fixture()
def folder(root):
    return root / 'configs' / 'net'


def add_family(root, name):
    folder = root / 'configs' / name
    folder.mkdir()
    for plain in (NET, INRIA):
        (folder / f'{plain}.py').write_text("_base_ = '../_base_/net.py'")
    cube = "model = dict(decode_head=dict(conv_cfg=dict(type='CubeConv2d')))"
    (folder / f'{CUBE}.py').write_text(f"_base_ = './{NET}.py'\n{cube}")
    (folder / 'metafile.yml').write_text(METAFILE)
    (folder / 'README.md').write_text(README)


def write(root):
    """Write all files; return the entries and the cells of the table."""
    for path, text in generate(root).items():
        path.write_text(text)
    assert not find_outdated(generate(root))
    folder = root / 'configs' / 'net'
    entries = yaml.safe_load((folder / 'metafile.yml').read_text())['Models']
    lines = (folder / 'README.md').read_text().splitlines()
    lines = [line[1:-1].split('|') for line in lines if line[:1] == '|']
    cells = [list(map(str.strip, line)) for line in lines]
    return {entry['Name']: entry for entry in entries}, cells


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_an_entry_per_config_and_a_row_per_network(root, folder):
    models, table = write(root)
    assert list(models) == [INRIA, NET, CUBE]
    net, cube = models[NET]['Metadata'], models[CUBE]['Metadata']
    assert models[NET].pop('Metadata') == {
        'Training Data': 'WHU',
        'Batch Size': 32,
        'Architecture': ['ConvNeXt', 'UNetHead'],
        'Parameters': net['Parameters'],
        'FLOPs': net['FLOPs'],
        'Image Size': '64 x 64',
    }
    assert models[NET]['Config'] == f'configs/net/{NET}.py'
    assert models[INRIA]['Metadata']['Training Data'] == 'Inria (trainval)'
    assert models[CUBE]['In Collection'] == 'Cube-Net'
    assert cube['Architecture'][2:] == ['CubeConv2d']
    assert cube['Parameters'] < net['Parameters']
    text = (folder / 'metafile.yml').read_text()
    assert text.startswith(f'{METAFILE}\nModels:\n  - Name: net_')

    plain, twin = table[2:]
    assert plain[0] == f'[net]({INRIA}.py)'
    assert plain[3:] == ['', '', 'inria-trainval, whu']
    assert twin[0] == f'[cube-net]({CUBE}.py)'
    assert twin[5] == 'whu'
    # The table is for 512 x 512, the entry for a crop; all layers scale.
    assert float(plain[2]) == pytest.approx(net['FLOPs'] * 64e-9, abs=6e-3)
    saved = 100 * (1 - cube['FLOPs'] / net['FLOPs'])
    assert twin[4] == f'{saved:.1f} %'
    text = (folder / 'README.md').read_text()
    assert text.startswith('# Net\n\nText before.\n')
    assert text.endswith('\n\nText after.\n') and 'whatever' not in text


def test_what_is_written_by_hand_is_kept(root, folder):
    write(root)
    metafile = folder / 'metafile.yml'
    by_hand = '    Results: [{Metrics: {building/IoU: 88.5}}]\n'
    edit(metafile, f'  - Name: {NET}\n', f'  - Name: {NET}\n{by_hand}')
    edit(metafile, '      Batch Size: 32\n', '      Batch Size: 99\n')
    models, _ = write(root)
    assert models[NET]['Results'] == [dict(Metrics={'building/IoU': 88.5})]
    assert models[NET]['Metadata']['Batch Size'] == 32
    # A config that goes must not take its results along unnoticed.
    for name in (NET, CUBE):
        (folder / f'{name}.py').unlink()
    with pytest.raises(ValueError, match=f'{NET} has Results but no config'):
        generate(root)


def test_outdated_files_are_written(root, folder, monkeypatch, capsys):
    add_family(root, 'another')
    (root / 'configs' / 'no_configs').mkdir()
    write(root)
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    names = ['configs/another/metafile.yml', 'configs/net/metafile.yml']
    assert index == dict(Import=names)
    edit(folder / f'{CUBE}.py', 'conv_cfg=', 'dropout_ratio=0.1, conv_cfg=')
    assert not find_outdated(generate(root))
    edit(folder / f'{CUBE}.py', 'conv_cfg=', 'widths=[8] * 4, conv_cfg=')
    (root / 'model-index.yml').unlink()
    names = 'configs/net/metafile.yml', 'configs/net/README.md'
    monkeypatch.chdir(root)
    for words, code, end in (
        (['--check'], 1, ' is out of date'),
        ([], 0, ' written'),
        (['--check'], 0, None),
    ):
        assert main(['zoo', *words]) == code
        said = capsys.readouterr().out.splitlines()
        found = [x.removesuffix(end) for x in said if end and x.endswith(end)]
        assert found == [*names, 'model-index.yml'] * bool(end)
    edit(root / names[1], '<!-- end of table -->', '')
    assert main(['zoo']) == 2
    assert f'{names[1]} needs the lines' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('name', 'old', 'new', 'said'),
    [
        ('metafile.yml', 'Cube-Net', 'Cubes',
         'two Collections, NAME and Cube-NAME, but there are'),
        ('metafile.yml', METAFILE, '{', 'metafile.yml is no metafile'),
        (f'{NET}.py', None, None, f'{CUBE}.py has no baseline'),
        (f'{INRIA}.py', None, 'net.py', 'net.py: its name must end in'),
    ],
)  # fmt: skip
def test_faults_are_said(root, folder, name, old, new, said):
    if old:
        edit(folder / name, old, new)
    elif new:
        (folder / name).rename(folder / new)
    else:
        (folder / name).unlink()
    with pytest.raises((ValueError, OSError), match=said):
        generate(root)
    assert not (root / 'model-index.yml').exists()


def test_our_own_is_up_to_date(capsys):
    code = main(['zoo', '--check', '--root', str(ROOT)])
    output = capsys.readouterr()
    assert code == 0, output.out + output.err


def test_networks_of_one_name_that_differ_have_a_row_each(root, folder):
    other = "_base_ = '../_base_/net.py'\nmodel = dict(decode_head=dict("
    path = folder / f'{NET.replace("whu", "wbd")}.py'
    path.write_text(f'{other}num_convs=1))')
    rows = [row for row in write(root)[1] if row[0].startswith('[net]')]
    assert [row[5] for row in rows] == ['inria-trainval, whu', 'wbd']
    assert rows[0][1] > rows[1][1]
