"""A model zoo of tiny networks, made up in a folder of its own."""

from textwrap import dedent

import pytest
import yaml

from mmseg_cube.analysis.model_zoo.families import find_outdated, generate

MODEL = """
crop_size = (64, 64)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size=crop_size),
    backbone=dict(
        type='ResNetV1c',
        depth=18,
        base_channels=4,
        num_stages=2,
        strides=(1, 2),
        dilations=(1, 1),
        out_indices=(0, 1),
    ),
    decode_head=dict(
        type='UNetHead',
        in_channels=[4, 8],
        widths=[8],
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    test_cfg=dict(mode='whole'),
)
train_dataloader = dict(batch_size=2, dataset=dict(type='WHUBuildingDataset'))
"""
METAFILE = """\
# By hand.
Collections:
  - Name: Net
    License: &license Apache License 2.0
    Paper: {Title: 'Networks: a study', URL: https://example.org/net}
    Frameworks: [PyTorch]
  - Name: Cube-Net
    License: *license
    Paper: {Title: Cubes, URL: https://example.org/cube}
    Frameworks: [PyTorch]
"""
README = """\
# Net

Text before.

<!-- table: made by tools/model_zoo.py -->
whatever
<!-- end of table -->

Text after.
"""
NET, CUBE = 'net_4xb2-1k_whu-64x64', 'cube-net_4xb2-1k_whu-64x64'


@pytest.fixture()
def root(tmp_path):
    base = tmp_path / 'configs' / '_base_'
    base.mkdir(parents=True)
    (base / 'net.py').write_text(MODEL)
    add_family(tmp_path, 'net')
    return tmp_path


def add_family(root, name):
    folder = root / 'configs' / name
    folder.mkdir()
    (folder / f'{NET}.py').write_text("_base_ = '../_base_/net.py'")
    (folder / f'{CUBE}.py').write_text(
        f"_base_ = './{NET}.py'\n"
        "model = dict(decode_head=dict(conv_cfg=dict(type='CubeConv2d')))"
    )
    (folder / 'metafile.yml').write_text(METAFILE)
    (folder / 'README.md').write_text(README)
    return folder


def write(root):
    texts = generate(root)
    for path, text in texts.items():
        path.write_text(text)
    return texts


def models(root):
    path = root / 'configs' / 'net' / 'metafile.yml'
    entries = yaml.safe_load(path.read_text())['Models']
    return {entry['Name']: entry for entry in entries}


def table(root):
    text = (root / 'configs' / 'net' / 'README.md').read_text()
    lines = [x for x in text.splitlines() if x.startswith('|')]
    return [[c.strip() for c in x.strip('|').split('|')] for x in lines]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_entries(root):
    write(root)
    found = models(root)
    assert list(found) == [NET, CUBE]
    parameters = found[NET]['Metadata'].pop('Parameters')
    flops = found[NET]['Metadata'].pop('FLOPs')
    assert found[NET] == {
        'Name': NET,
        'In Collection': 'Net',
        'Config': f'configs/net/{NET}.py',
        'Metadata': {
            'Training Data': 'WHU',
            'Batch Size': 8,
            'Architecture': ['ResNetV1c-18', 'UNetHead'],
            'Image Size': '64 x 64',
        },
        'Paper': {
            'Title': 'Networks: a study',
            'URL': 'https://example.org/net',
        },
        'Framework': 'PyTorch',
    }
    cube = found[CUBE]
    assert cube['In Collection'] == 'Cube-Net'
    assert cube['Paper']['Title'] == 'Cubes'
    assert cube['Metadata']['Architecture'][2:] == ['CubeConv2d']
    assert cube['Metadata']['Parameters'] < parameters
    assert cube['Metadata']['FLOPs'] < flops


def test_what_stands_above_the_models_stays(root):
    write(root)
    text = (root / 'configs' / 'net' / 'metafile.yml').read_text()
    assert text.startswith(METAFILE)
    assert text[len(METAFILE) :].startswith('\nModels:\n  - Name: net_')


def test_table(root):
    write(root)
    head, _, plain, cube = table(root)
    assert head == [
        'Config', 'Params (M)', 'FLOPs (G at 512 x 512)', 'saved params',
        'saved FLOPs',
    ]  # fmt: skip
    assert plain[0] == f'[{NET}]({NET}.py)'
    assert cube[0] == f'[{CUBE}]({CUBE}.py)'
    assert plain[3:] == ['', '']
    # The table is for 512 x 512, the entry for a crop; all layers scale.
    entry = models(root)[NET]['Metadata']
    assert float(plain[2]) == pytest.approx(entry['FLOPs'] * 64e-9, abs=6e-3)
    saved = models(root)[CUBE]['Metadata']['FLOPs'] / entry['FLOPs']
    assert cube[4] == f'{100 * (1 - saved):.1f} %'
    text = (root / 'configs' / 'net' / 'README.md').read_text()
    assert text.startswith('# Net\n\nText before.\n')
    assert text.endswith('\n\nText after.\n')
    assert 'whatever' not in text


def test_results_are_kept_and_shown(root):
    write(root)
    metafile = root / 'configs' / 'net' / 'metafile.yml'
    edit(
        metafile,
        f'  - Name: {CUBE}\n',
        f'  - Name: {CUBE}\n'
        '    Results:\n'
        '      - Task: Semantic Segmentation\n'
        '        Dataset: WHU\n'
        '        Metrics:\n'
        '          building/IoU: 88.5 ± 0.2\n'
        '          building/F1: 93.9\n'
        '          building/Precision: 94.0\n'
        '          Seeds: 3\n'
        '    Weights: https://example.org/net.pth\n'
        '    Training Log: https://example.org/log.txt\n',
    )
    edit(metafile, '      Batch Size: 8\n', '      Batch Size: 99\n')
    write(root)
    entry = models(root)[CUBE]
    assert entry['Results'][0]['Metrics']['building/F1'] == 93.9
    assert entry['Weights'] == 'https://example.org/net.pth'
    assert entry['Training Log'] == 'https://example.org/log.txt'
    assert entry['Metadata']['Batch Size'] == 8
    assert 'Results' not in models(root)[NET]
    head, _, plain, cube = table(root)
    assert head[5:] == ['IoU', 'F1', 'P', 'R', 'seeds']
    assert plain[5:] == [''] * 5
    assert cube[5:] == ['88.5 ± 0.2', '93.9', '94.0', '', '3']
    assert not find_outdated(generate(root))

    # A config that goes must not take its results along unnoticed.
    (root / 'configs' / 'net' / f'{CUBE}.py').unlink()
    with pytest.raises(ValueError, match=f'{CUBE} has Results, Weights'):
        generate(root)


def test_index_lists_all_families(root):
    add_family(root, 'another')
    (root / 'configs' / 'no_configs').mkdir()
    write(root)
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    assert index == dict(
        Import=['configs/another/metafile.yml', 'configs/net/metafile.yml']
    )


def test_outdated_files_are_found(root):
    write(root)
    assert not find_outdated(generate(root))
    folder = root / 'configs' / 'net'
    edit(folder / f'{CUBE}.py', 'conv_cfg=', 'dropout_ratio=0.1, conv_cfg=')
    assert not find_outdated(generate(root))
    edit(root / 'configs' / '_base_' / 'net.py', 'widths=[8]', 'widths=[16]')
    assert find_outdated(generate(root)) == [
        folder / 'metafile.yml', folder / 'README.md'
    ]  # fmt: skip
    (root / 'model-index.yml').unlink()
    assert root / 'model-index.yml' in find_outdated(generate(root))


def test_twin_by_its_backbone(root):
    path = root / 'configs' / 'net' / f'{CUBE}.py'
    path.write_text(
        dedent(f"""
        _base_ = './{NET}.py'
        model = dict(backbone=dict(
            _delete_=True, type='CubeBackbone',
            backbone=_base_.model.backbone,
            replace=dict(stages=1), insert=dict(stages=1)))
        """)
    )
    write(root)
    assert models(root)[CUBE]['Metadata']['Architecture'] == [
        'ResNetV1c-18', 'UNetHead', 'CubeConv2d', 'CubeKernelBlock'
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('data', 'dataset', 'title'),
    [
        ('inria', 'InriaDataset', 'Inria'),
        ('wbd', 'WBDDataset', 'WBD'),
        ('sample-city', 'InriaDataset', 'Sample city (made-up scenes)'),
        ('old-town', 'MyDataset', 'Old town'),
    ],
)
def test_training_data(root, data, dataset, title):
    folder = root / 'configs' / 'net'
    for name in (NET, CUBE):
        path = folder / f'{name}.py'
        edit(path, 'net', 'net')
        path.rename(folder / f'{name.replace("whu", data)}.py')
    cube = folder / f'{CUBE.replace("whu", data)}.py'
    edit(cube, 'whu', data)
    edit(root / 'configs/_base_/net.py', 'WHUBuildingDataset', dataset)
    write(root)
    found = {e['Metadata']['Training Data'] for e in models(root).values()}
    assert found == {title}


def rename(old, new):
    def change(folder):
        for name in (NET, CUBE):
            path = folder / f'{name}.py'
            path.rename(folder / f'{name.replace(old, new)}.py')
        edit(folder / f'{CUBE.replace(old, new)}.py', old, new)

    return change


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda f: (f / 'README.md').unlink(), 'README.md is missing: say'),
        (
            lambda f: edit(f / 'README.md', '<!-- end of table -->', ''),
            'no place for the table: add the lines .*end of table',
        ),
        (
            lambda f: (f / 'metafile.yml').unlink(),
            'metafile.yml is missing: write its Collections',
        ),
        (
            lambda f: edit(f / 'metafile.yml', 'Cube-Net', 'Cubes'),
            'two Collections, NAME and Cube-NAME, but there are',
        ),
        (
            lambda f: edit(f / 'metafile.yml', 'Paper: {Title: C', 'P: {T: C'),
            'collection Cube-Net has no Paper',
        ),
        (
            lambda f: (f / 'metafile.yml').write_text('{'),
            'metafile.yml is no metafile',
        ),
        (lambda f: (f / f'{NET}.py').unlink(), f'{CUBE}.py has no baseline'),
        (rename('_4xb2', '_4xb3'), 'train_dataloader.batch_size is 3, .* 2'),
        (rename('64x64', '64x32'), r'size is \(64, 32\), but it is \(64, 64'),
        (rename('whu', 'inria'), 'InriaDataset, but it is WHUBuilding'),
        (rename('_4xb2-1k', ''), 'its name must end in'),
    ],
)
def test_faults_are_said(root, change, said):
    change(root / 'configs' / 'net')
    before = {p: p.read_text() for p in root.rglob('*') if p.is_file()}
    with pytest.raises(ValueError, match=said):
        generate(root)
    after = {p: p.read_text() for p in root.rglob('*') if p.is_file()}
    assert before == after


def test_faults_of_all_families_are_said_at_once(root):
    for name in ('net', 'another'):
        folder = root / 'configs' / name
        if name == 'another':
            add_family(root, name)
        (folder / 'README.md').unlink()
    with pytest.raises(ValueError, match='another.*missing.*\n.*net.*missing'):
        generate(root)


def test_results_without_known_metrics_are_said(root):
    write(root)
    metafile = root / 'configs' / 'net' / 'metafile.yml'
    line = f'  - Name: {NET}\n'
    edit(metafile, line, f'{line}    Results: [{{Metrics: {{mIoU: 3}}}}]\n')
    with pytest.raises(ValueError, match=f'{NET}: .*among building/IoU'):
        generate(root)


def test_no_families(tmp_path):
    with pytest.raises(ValueError, match='no folder with configs'):
        generate(tmp_path)
