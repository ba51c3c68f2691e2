"""All configs are read; one of each kind trains and predicts.

That all of them can be built is seen in test_zoo/test_pages.py, which counts
them.
"""

import re
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS, VISUALIZERS

from mmseg_cube.analysis.complexity.count import count_network
from mmseg_cube.utils.configs import read_config

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / 'configs'
CONFIGS = sorted(p for p in FOLDER.glob('*/*.py') if '_base_' not in p.parts)
PREFIX = re.compile('cube-(full-)?')
CUBES = [p for p in CONFIGS if PREFIX.match(p.name)]
# One of each network: its size does not depend on data and schedule.
NETWORKS = [p for p in CUBES if re.search('_whu(-half)?-', p.stem)]
HOOK_NAMES = dict(
    cube=['CubeSummaryHook'],
    full=['CubeSummaryHook', 'RouterTemperatureHook'],
)
DATASET = dict(
    InriaDataset='inria',
    WHUBuildingDataset='whu',
    WBDDataset='wbd',
    BuildingDataset='roofs',
)
T = 'unet_convnext-t_1xb8-80k'
INRIA = f'cube-{T}_inria'
# All kinds of networks, then all kinds of data.
KINDS = [
    f'{T}_whu-512x512',
    f'cube-{T}_whu-512x512',
    'cube-segformer_mit-b2_1xb8-80k_whu-512x512',
    *(
        f'cube-full-{network}_1xb8-80k_whu-512x512'
        for network in (
            'unet_convnext-t', 'unet_hrnet-w18', 'unet_mit-b2',
            'unet_resnet-50', 'unet_swin-t', 'segformer_mit-b2',
            'unet-s5-d16_fcn', 'upernet_convnext-t',
            'unet_efficientnet-lite0',
        )
    ),
    f'cube-{T}_wbd-512x512',
    f'{INRIA}-512x512',
    f'{INRIA}-buildformer-512x512',
    'cube-unet_convnext-atto_1xb8-600_sample-city-128x128',
    'cube-unet_efficientnet-lite0_1xb8-10k_roofs-256x256',
    'cube-unet_resnet-18-w32_1xb8-1500_whu-half-128x128',
]  # fmt: skip


def find(stem):
    (path,) = FOLDER.glob(f'*/{stem}.py')
    return path


@cache
def parse(path):
    return Config.fromfile(path)


def read(path):
    """A config of its own, of a file that is parsed once."""
    return deepcopy(parse(path))


def datasets_of(cfg):
    loaders = cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader
    return [loader.dataset for loader in loaders]


def kind_of(path):
    match = PREFIX.match(path.name)
    return match and ('full' if match[1] else 'cube')


def baseline_of(path):
    return path.with_name(PREFIX.sub('', path.name, count=1))


@pytest.fixture(scope='session')
def load_small(sample_city, shrink):
    """A config made small, on the sample city, with random weights."""

    def load(path):
        cfg = read(path)
        init_default_scope(cfg.default_scope)
        shrink(cfg.model)
        for dataset in datasets_of(cfg):
            layout = DATASET[dataset.type].replace('roofs', 'whu')
            dataset.data_root = str(sample_city[layout])
            if dataset.type == 'InriaDataset':
                dataset.merge(dict(regions=['austin'], window_size=256))
        for step in cfg.train_dataloader.dataset.pipeline:
            if step.type == 'RandomCrop' and step.crop_size[0] <= 512:
                step.crop_size = (128, 128)
        return cfg

    return load


def test_there_are_configs():
    # 13 networks, each with two twins.
    assert len(CONFIGS) == 83
    assert len(NETWORKS) == 26
    assert all(baseline_of(path) in CONFIGS for path in CUBES)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_name_tells_what_is_in_the_config(path):
    cfg = parse(path)
    name = re.fullmatch(r'.+_1xb8-(\d+)(k?)_(.+)-(\d+)x\4', path.stem)
    iterations, thousands, data, size = name.groups()
    steps = int(iterations) * (1000 if thousands else 1)
    assert cfg.train_cfg.max_iters == steps
    assert cfg.param_scheduler[-1].end == steps
    loader = cfg.train_dataloader
    assert loader.batch_size == 8
    crops = [
        step.crop_size
        for step in loader.dataset.pipeline
        if step.type == 'RandomCrop'
    ]
    assert crops[-1] == (int(size), int(size))
    # mmengine takes no hyphen in the folder of package::folder/file.
    assert re.fullmatch(r'\w+', path.parent.name)
    # The folder is the family, variants of data sets have names of their own.
    assert PREFIX.sub('', path.stem, 1).startswith(path.parent.name)
    dataset = DATASET[loader.dataset.type]
    assert data.replace('sample-city', 'whu').split('-')[0] == dataset
    kind = kind_of(path)
    assert ('cube' in cfg) == (kind is not None)
    hooks = [hook.type for hook in cfg.get('custom_hooks', [])]
    assert hooks == HOOK_NAMES.get(kind, [])


@pytest.mark.parametrize('path', CUBES, ids=lambda p: p.stem)
def test_twins_differ_in_the_convolutions_only(path):
    cube, baseline = read(path), parse(baseline_of(path))
    for key in ('cube', 'custom_hooks'):
        cube.pop(key)
    found = [
        part.pop('conv_cfg', None)
        for part in (cube.model.backbone, cube.model.decode_head)
    ]
    if cube.model.backbone.type == 'CubeBackbone':
        options = cube.model.backbone.replace
        found.append(dict(type='CubeConv2d', **options))
        cube.model.backbone = cube.model.backbone.backbone
    convs = [c for f in found for c in (f if isinstance(f, list) else [f])]
    cubes = [conv for conv in convs if conv is not None]
    full = kind_of(path) == 'full'
    assert cubes
    for conv in cubes:
        assert conv['type'] == 'CubeConv2d'
        assert ('router' in conv) == ('mask' in conv) == full
    assert cube.to_dict() == baseline.to_dict()


def test_no_cube_twin_is_larger():
    """By what the metafiles say; test_pages.py counts again."""
    sizes = {
        model['Name']: model['Metadata']
        for path in FOLDER.glob('*/metafile.yml')
        for model in yaml.safe_load(path.read_text())['Models']
    }
    # As much as the paper saves, in percent.
    target = dict(Parameters=9.2, FLOPs=20.8)
    for path in NETWORKS:
        for key, least in target.items():
            size = sizes[path.stem][key]
            saved = 100 * (1 - size / sizes[baseline_of(path).stem][key])
            assert saved > 0, path.stem
            if path.stem.endswith(f'{T}_whu-512x512'):
                assert saved >= least, path.stem


@pytest.mark.parametrize('name', KINDS)
def test_config_trains_and_predicts(name, load_small):
    torch.manual_seed(0)
    cfg = load_small(find(name))
    model = MODELS.build(cfg.model)
    model.train()
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = pseudo_collate([dataset[0], dataset[len(dataset) - 1]])
    losses = model.train_step(batch, optim_wrapper)
    assert torch.isfinite(losses['loss'])
    # AdamW keeps a state for every parameter that got a gradient.
    state = optim_wrapper.optimizer.state
    assert all(p in state for p in model.parameters())

    model.eval()
    test_set = DATASETS.build(cfg.test_dataloader.dataset)
    metric = METRICS.build(cfg.test_evaluator)
    metric.dataset_meta = test_set.metainfo
    batch = pseudo_collate([test_set[0]])
    with torch.no_grad():
        samples = model.test_step(batch)
    assert samples[0].pred_sem_seg.shape == (256, 256)
    if cfg.test_dataloader.dataset.type == 'InriaDataset':
        assert samples[0].region == 'austin'
        assert samples[0].window[2:] == (256, 256)
    metric.process(batch, [sample.to_dict() for sample in samples])
    assert 0 <= metric.evaluate(1)['building/IoU'] <= 100
    # With --tta it would stand in place of the network's.
    assert 'data_preprocessor' not in cfg
    VISUALIZERS.build(cfg.visualizer)
    for hook in (*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])):
        HOOKS.build(hook)


@pytest.mark.parametrize(
    'variant, splits',
    [
        ('', ['train', 'val', 'val']),
        ('-buildformer', ['train', 'val', 'val']),
        # All tiles of the region, since none was seen in training.
        ('-leave-region-out', ['train', 'val', 'train+val']),
    ],
)
def test_inria_protocols(variant, splits):
    cfg = read(find(f'{INRIA}{variant}-512x512'))
    datasets = datasets_of(cfg)
    assert [d.split for d in datasets] == splits
    protocol = 'buildformer' if variant == '-buildformer' else 'full'
    assert {d.get('protocol', 'full') for d in datasets} == {protocol}
    if variant != '-leave-region-out':
        assert not any('regions' in d for d in datasets)
        return
    regions = ['austin', 'chicago', 'kitsap', 'tyrol-w', 'vienna']
    train, val, test = (d.regions for d in datasets)
    assert train == val
    assert sorted([*train, *test]) == regions
    # Another one is left out by the options that the config names.
    config = FOLDER / '_base_/datasets/inria-leave-region-out_512x512.py'
    cfg.merge_from_dict(read_options(config.read_text()))
    train, val, test = (d.regions for d in datasets_of(cfg))
    assert train == val == regions[:4]
    assert test == regions[4:]


def test_eight_processes_train_alike_by_options():
    text = (ROOT / 'docs' / 'scale_out.md').read_text()
    (block,) = re.findall(r'```shell\n(bash .* CONFIG 8 [^`]*)```', text)
    options = read_options(block)
    assert len(options) == 8
    # Would refuse an option that is misspelt.
    cfg = read_config(find(f'{T}_whu-512x512'), options)
    warm_up, decay = cfg.param_scheduler
    assert warm_up.end == decay.begin == 1500 / 2
    assert decay.end == cfg.train_cfg.max_iters == 80_000 / 2
    assert 8 * cfg.train_dataloader.batch_size == 2 * 8
    rate = cfg.optim_wrapper.optimizer.lr
    assert rate == pytest.approx(5e-4 * 2**0.5, rel=0.02)


def read_options(text):
    """Read ``key=value`` as ``--cfg-options`` reads them."""
    return {
        key: DictAction._parse_iterable(value)
        for key, value in re.findall(r'(\w+(?:\.\w+)+)=(\S+)', text)
    }


def test_inria_with_test_time_augmentation(load_small):
    cfg = load_small(find(f'{INRIA}-512x512'))
    options = cfg.test_dataloader.dataset
    plain = DATASETS.build(options)[0]['data_samples']
    options.pipeline = cfg.tta_pipeline
    batch = pseudo_collate([DATASETS.build(options)[0]])
    assert len(batch['inputs']) == 3
    model = MODELS.build(dict(**cfg.tta_model, module=cfg.model)).eval()
    with torch.no_grad():
        (sample,) = model.test_step(batch)
    assert sample.pred_sem_seg.shape == (256, 256)
    assert sample.window == plain.window
    truth, expected = sample.gt_sem_seg.data, plain.gt_sem_seg.data
    assert torch.equal(truth, expected)
    assert 0 < expected.float().mean() < 1


def test_convnext_b_by_the_lines_of_the_readme(tmp_path):
    folder = FOLDER / 'unet_convnext'
    text = (folder / 'README.md').read_text()
    (lines,) = re.findall(r'```python\n(.*)```', text, re.DOTALL)
    config = tmp_path / 'cube-b.py'
    config.write_text(lines.replace("'./", f"'{folder}/"))
    size = count_network(read_config(config), 64)
    assert 87e6 < size.parameters < 89e6


def test_documents_name_configs_that_exist():
    pages = [ROOT / 'README.md', *ROOT.glob('docs/*.md')]
    text = ''.join(p.read_text() for p in [*pages, *FOLDER.glob('*/*.md')])
    text = re.sub('<!-- onto: .*', '', text)  # those of mmseg
    named = re.findall(r'[\w-]+_\d+xb\d+-\w+?_[a-z-]+-\d+x\d+', text)
    assert len(named) > 40
    assert set(named) <= {path.stem for path in CONFIGS}
