"""Every config is loaded, built, trained for a step and asked to predict."""

import math
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS, VISUALIZERS

from mmseg_cube.analysis.complexity.count import complexity
from mmseg_cube.datasets.inria_tiles import TRAINING_REGIONS
from mmseg_cube.layers import CubeConv2d

FOLDER = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted(p for p in FOLDER.glob('*/*.py') if '_base_' not in p.parts)
CUBES = [p for p in CONFIGS if p.stem.startswith('cube-')]
FULL = [p for p in CUBES if p.stem.startswith('cube-full-')]
# One of each network: its size does not depend on data and schedule.
NETWORKS = [p for p in CUBES if re.search('1xb8-(80k|600|1500)_whu', p.stem)]
PARTS = ('cube', 'small_cube')  # of _base_/cube*.py
DATASET = {
    'InriaDataset': 'inria',
    'WHUBuildingDataset': 'whu',
    'WBDDataset': 'wbd',
}
# Fewer and narrower layers of the same kinds, and the channels of the stages.
SMALL_BACKBONES = {
    'mmpretrain.ConvNeXt': (
        dict(arch=dict(depths=[1] * 4, channels=[16, 24, 32, 48])),
        [16, 24, 32, 48],
    ),
    'HRNet': (
        dict(
            extra={
                f'stage{i}': dict(
                    num_modules=1,
                    num_blocks=(1,) * i,
                    num_channels=(8, 16, 24, 32)[:i] if i > 1 else (8,),
                )
                for i in (1, 2, 3, 4)
            }
        ),
        [8, 16, 24, 32],
    ),
    'MixVisionTransformer': (
        dict(embed_dims=8, num_layers=[1] * 4),
        [8, 16, 40, 64],
    ),
    'ResNet': (
        dict(base_channels=8, stem_channels=8),
        [8, 16, 32, 64],
    ),
    'ResNetV1c': (
        dict(base_channels=8, stem_channels=8),
        [32, 64, 128, 256],
    ),
    'SwinTransformer': (
        dict(embed_dims=12, depths=[1] * 4, num_heads=[1, 2, 4, 8]),
        [12, 24, 48, 96],
    ),
    'UNet': (dict(base_channels=8), 8),
}
SMALL_HEADS = {
    'FCNHead': dict(channels=8),
    'SegformerHead': dict(channels=16),
    'UNetHead': dict(widths=[32, 16, 16, 8, 8]),
    'UPerHead': dict(channels=16),
}


def wrapped(backbone):
    """Config of the plain backbone, also where Cube kernels are put in."""
    return backbone.get('backbone', backbone)


def load(path, sample_city):
    """A config made small, on the sample city, with random weights."""
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    backbone, head = wrapped(cfg.model.backbone), cfg.model.decode_head
    options, head.in_channels = SMALL_BACKBONES[backbone.type]
    backbone.merge(options)
    backbone.init_cfg = None
    head.merge(SMALL_HEADS[head.type])
    cfg.model.data_preprocessor.size = (128, 128)
    for loader in ('train', 'val', 'test'):
        dataset = cfg[f'{loader}_dataloader'].dataset
        dataset.data_root = str(sample_city[DATASET[dataset.type]])
        if dataset.type == 'InriaDataset':
            dataset.merge(dict(regions=['austin'], window_size=256))
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'RandomCrop' and step.crop_size[0] <= 512:
            step.crop_size = (128, 128)
    return cfg


@cache
def size_of(path):
    init_default_scope('mmseg')
    return complexity(Config.fromfile(path).model)


def baseline_of(path):
    name = path.name.removeprefix('cube-').removeprefix('full-')
    return path.with_name(name)


def test_there_are_configs():
    assert len(CONFIGS) >= 139
    assert len(NETWORKS) == 18
    assert len(FULL) == 7


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_config_trains_and_predicts(path, sample_city):
    torch.manual_seed(0)
    cfg = load(path, sample_city)
    model = MODELS.build(cfg.model)
    model.train()
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = pseudo_collate([dataset[0], dataset[len(dataset) - 1]])
    before = [p.detach().clone() for p in model.parameters()]
    losses = model.train_step(batch, optim_wrapper)
    assert torch.isfinite(losses['loss'])
    # AdamW keeps a state for every parameter that got a gradient.
    state = optim_wrapper.optimizer.state
    assert all(p in state for p in model.parameters())
    moved = [
        not torch.equal(old, new)
        for old, new in zip(before, model.parameters(), strict=True)
    ]
    assert sum(moved) > 0.9 * len(moved)

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
    VISUALIZERS.build(cfg.visualizer)
    for hook in (*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])):
        HOOKS.build(hook)


@pytest.mark.parametrize('path', CUBES, ids=lambda p: p.stem)
def test_twins_differ_in_the_convolutions_only(path):
    cube = Config.fromfile(path)
    baseline = Config.fromfile(baseline_of(path))
    parts = [cube.pop(key, None) for key in PARTS]
    hooks = [hook.type for hook in cube.pop('custom_hooks')]
    routed = ['RouterTemperatureHook', 'RouterReportHook']
    assert hooks == ['CubeSummaryHook', *(routed if path in FULL else [])]
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
    assert cubes
    for conv in cubes:
        assert conv in parts
        assert ('router' in conv) == ('mask' in conv) == (path in FULL)
    assert cube.to_dict() == baseline.to_dict()


@pytest.mark.parametrize('path', NETWORKS, ids=lambda p: p.stem)
def test_no_cube_twin_is_larger(path):
    parameters, flops = size_of(path).saving(size_of(baseline_of(path)))
    assert parameters > 0
    assert flops > 0


@pytest.mark.parametrize('kind', ['cube', 'cube-full'])
def test_the_pair_saves_what_the_paper_saves(kind):
    name = f'{kind}-convnext-t-unet_1xb8-80k_whu-512x512.py'
    path = FOLDER / 'convnext_unet' / name
    parameters, flops = size_of(path).saving(size_of(baseline_of(path)))
    assert parameters >= 9.2
    assert flops >= 20.8


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_name_tells_the_schedule(path):
    cfg = Config.fromfile(path)
    name = re.fullmatch(r'.*_(\d+)xb(\d+)-(\d+)(k?)_(.+)-(\d+)x\6', path.stem)
    devices, images, iterations, thousands, data, size = name.groups()
    steps = int(iterations) * (1000 if thousands else 1)
    assert cfg.train_cfg.max_iters == steps
    assert cfg.param_scheduler[-1].end == steps
    assert cfg.train_dataloader.batch_size == int(images)
    crops = [
        step.crop_size
        for step in cfg.train_dataloader.dataset.pipeline
        if step.type == 'RandomCrop'
    ]
    assert crops[-1] == (int(size), int(size))
    dataset = DATASET[cfg.train_dataloader.dataset.type]
    if data == 'sample-city':
        assert dataset == 'whu'
    else:
        # A variant of a dataset has a name of its own, as inria-trainval.
        assert data.split('-')[0] == dataset
    if not thousands:
        return
    # All see the same number of images; Adam's rate follows the batch.
    batch = int(devices) * int(images)
    assert steps * batch == 640_000
    rate = 5e-4 * math.sqrt(batch / 8)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(rate, rel=0.02)


def inria(variant):
    """Datasets for training, validation and test of a variant of Inria."""
    name = f'cube-convnext-t-unet_1xb8-80k_inria{variant}-512x512.py'
    cfg = Config.fromfile(FOLDER / 'convnext_unet' / name)
    loaders = (cfg[f'{x}_dataloader'] for x in ('train', 'val', 'test'))
    return [loader.dataset for loader in loaders]


def test_inria_protocols():
    for variant, protocol in (('', 'full'), ('-buildformer', 'buildformer')):
        datasets = inria(variant)
        assert {d.get('protocol', 'full') for d in datasets} == {protocol}
        assert [d.split for d in datasets] == ['train', 'val', 'val']
        assert not any('regions' in d for d in datasets)
    assert [d.split for d in inria('-trainval')] == ['train+val', 'val', 'val']


def test_inria_with_test_time_augmentation(sample_city):
    name = 'cube-convnext-t-unet_1xb8-80k_inria-512x512.py'
    cfg = load(FOLDER / 'convnext_unet' / name, sample_city)
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


@pytest.mark.parametrize('region', TRAINING_REGIONS)
def test_inria_leaves_one_region_out(region):
    train, val, test = inria(f'-loro-{region}')
    assert test.regions == [region]
    others = [name for name in TRAINING_REGIONS if name != region]
    assert train.regions == val.regions == others
    assert (train.split, val.split) == ('train', 'val')
    # All of its tiles, since none was seen in training.
    assert test.split == 'train+val'
    assert (test.windows, test.test_mode) == ('grid', True)


@pytest.mark.parametrize(
    'name, count',
    [
        ('convnext_unet/cube-convnext-t-unet', 8),
        ('convnext_unet/cube-full-convnext-t-unet', 8),
        # 128 channels and a skip of 18 do not fill whole cells.
        ('hrnet_unet/cube-hr18-unet', 7),
        ('segformer/cube-segformer_mit-b2', 3),
        ('unet/cube-unet-s5-d16_fcn', 18),
        ('upernet/cube-upernet_convnext-t', 5),
    ],
)
def test_the_cube_twin_is_cube_where_it_should_be(name, count):
    init_default_scope('mmseg')
    cfg = Config.fromfile(FOLDER / f'{name}_1xb8-80k_whu-512x512.py')
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    cubes = [m for m in model.modules() if isinstance(m, CubeConv2d)]
    assert len(cubes) == count
    full = 'cube-full-' in name
    assert all((m.router is not None) == full for m in cubes)
    assert all((m.mask is not None) == full for m in cubes)


def test_custom_imports_stand_in_one_file_only():
    named = [
        p for p in FOLDER.rglob('*.py') if 'custom_imports =' in p.read_text()
    ]
    assert named == [FOLDER / '_base_' / 'default_runtime.py']
