"""A model zoo of tiny networks, made up in a folder of its own."""

import pytest
import yaml

from mmseg_cube.analysis.zoo.pages import find_outdated, generate

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
    base = tmp_path / 'configs' / '_base_'
    base.mkdir(parents=True)
    (base / 'net.py').write_text(
        f"_base_ = r'{tiny_config}'\n"
        'model = dict(decode_head=dict('
        "conv_cfg=dict(_delete_=True, type='Conv2d')))"
    )
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
    (folder / f'{CUBE}.py').write_text(
        f"_base_ = './{NET}.py'\n"
        "model = dict(decode_head=dict(conv_cfg=dict(type='CubeConv2d')))"
    )
    (folder / 'metafile.yml').write_text(METAFILE)
    (folder / 'README.md').write_text(README)


def write(root):
    texts = generate(root)
    for path, text in texts.items():
        path.write_text(text)
    assert not find_outdated(generate(root))


def models(folder):
    entries = yaml.safe_load((folder / 'metafile.yml').read_text())['Models']
    return {entry['Name']: entry for entry in entries}


def table(folder):
    text = (folder / 'README.md').read_text()
    lines = [x for x in text.splitlines() if x.startswith('|')]
    return [[c.strip() for c in x.strip('|').split('|')] for x in lines]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_entries(root, folder):
    write(root)
    found = models(folder)
    assert list(found) == [INRIA, NET, CUBE]
    parameters = found[NET]['Metadata'].pop('Parameters')
    flops = found[NET]['Metadata'].pop('FLOPs')
    assert found[NET] == {
        'Name': NET,
        'In Collection': 'Net',
        'Config': f'configs/net/{NET}.py',
        'Metadata': {
            'Training Data': 'WHU',
            'Batch Size': 32,
            'Architecture': ['ConvNeXt', 'UNetHead'],
            'Image Size': '64 x 64',
        },
    }
    assert found[INRIA]['Metadata']['Training Data'] == 'Inria (trainval)'
    cube = found[CUBE]
    assert cube['In Collection'] == 'Cube-Net'
    assert cube['Metadata']['Architecture'][2:] == ['CubeConv2d']
    assert cube['Metadata']['Parameters'] < parameters
    assert cube['Metadata']['FLOPs'] < flops
    text = (folder / 'metafile.yml').read_text()
    assert text.startswith(f'{METAFILE}\nModels:\n  - Name: net_')


def test_a_row_per_network(root, folder):
    write(root)
    head, _, plain, cube = table(folder)
    assert head == [
        'Network', 'Params (M)', 'FLOPs (G at 512 x 512)', 'saved params',
        'saved FLOPs', 'data',
    ]  # fmt: skip
    assert plain[0] == f'[net]({INRIA}.py)'
    assert plain[3:] == ['', '', 'inria-trainval, whu']
    assert cube[0] == f'[cube-net]({CUBE}.py)'
    assert cube[5] == 'whu'
    # The table is for 512 x 512, the entry for a crop; all layers scale.
    entry = models(folder)[NET]['Metadata']
    assert float(plain[2]) == pytest.approx(entry['FLOPs'] * 64e-9, abs=6e-3)
    saved = models(folder)[CUBE]['Metadata']['FLOPs'] / entry['FLOPs']
    assert cube[4] == f'{100 * (1 - saved):.1f} %'
    text = (folder / 'README.md').read_text()
    assert text.startswith('# Net\n\nText before.\n')
    assert text.endswith('\n\nText after.\n')
    assert 'whatever' not in text


def test_results_are_kept_and_have_a_row_of_their_own(root, folder):
    write(root)
    metafile = folder / 'metafile.yml'
    edit(
        metafile,
        f'  - Name: {NET}\n',
        f'  - Name: {NET}\n'
        '    Results:\n'
        '      - Task: Semantic Segmentation\n'
        '        Dataset: WHU\n'
        '        Metrics:\n'
        '          building/IoU: 88.5 ± 0.2\n'
        '          building/F1: 93.9\n'
        '          Seeds: 3\n'
        '    Weights: https://example.org/net.pth\n',
    )
    edit(metafile, '      Batch Size: 32\n', '      Batch Size: 99\n')
    write(root)
    entry = models(folder)[NET]
    assert entry['Results'][0]['Metrics']['building/F1'] == 93.9
    assert entry['Weights'] == 'https://example.org/net.pth'
    assert entry['Metadata']['Batch Size'] == 32
    assert 'Results' not in models(folder)[INRIA]
    head, _, inria, whu, cube = table(folder)
    assert head[5:] == ['IoU', 'F1', 'P', 'R', 'seeds', 'data']
    assert inria[5:] == ['', '', '', '', '', 'inria-trainval']
    assert whu[0] == f'[{NET}]({NET}.py)'
    assert whu[5:] == ['88.5 ± 0.2', '93.9', '', '', '3', 'whu']
    assert cube[5:] == ['', '', '', '', '', 'whu']

    edit(metafile, 'building/', 'other/')
    edit(metafile, 'Seeds', 'Seats')
    with pytest.raises(ValueError, match=f'{NET}: .*lack all of building/IoU'):
        generate(root)
    # A config that goes must not take its results along unnoticed.
    for name in (NET, CUBE):
        (folder / f'{name}.py').unlink()
    with pytest.raises(ValueError, match=f'{NET} has Results, Weights'):
        generate(root)


def test_outdated_files_are_found(root, folder):
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
    assert find_outdated(generate(root)) == [
        folder / 'metafile.yml', folder / 'README.md',
        root / 'model-index.yml',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda f: (f / 'README.md').unlink(), 'No such file.*README.md'),
        (
            lambda f: edit(f / 'README.md', '<!-- end of table -->', ''),
            'README.md needs the lines .*end of table',
        ),
        (lambda f: (f / 'metafile.yml').unlink(), 'No such.*metafile.yml'),
        (
            lambda f: edit(f / 'metafile.yml', 'Cube-Net', 'Cubes'),
            'two Collections, NAME and Cube-NAME, but there are',
        ),
        (
            lambda f: (f / 'metafile.yml').write_text('{'),
            'metafile.yml is no metafile',
        ),
        (lambda f: (f / f'{NET}.py').unlink(), f'{CUBE}.py has no baseline'),
        (
            lambda f: (f / f'{INRIA}.py').rename(f / 'net.py'),
            'net.py: its name must end in',
        ),
    ],
)
def test_faults_are_said(root, folder, change, said):
    change(folder)
    before = {p: p.read_text() for p in root.rglob('*') if p.is_file()}
    with pytest.raises((ValueError, OSError), match=said):
        generate(root)
    after = {p: p.read_text() for p in root.rglob('*') if p.is_file()}
    assert before == after


def test_no_families(tmp_path):
    with pytest.raises(ValueError, match='no folder with configs'):
        generate(tmp_path)
