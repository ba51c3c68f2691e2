"""Every config is loaded, built, trained for a step and asked to predict."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS, VISUALIZERS

from mmseg_cube.analysis.complexity import complexity
from mmseg_cube.layers import CubeConv2d

FOLDER = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted(p for p in FOLDER.glob('*/*.py') if '_base_' not in p.parts)
BY_DATASET = {
    'InriaDataset': 'inria',
    'WHUBuildingDataset': 'whu',
    'WBDDataset': 'wbd',
}


def load(path, sample_city):
    """A config on the sample city, with small crops and random weights."""
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    cfg.model.backbone.init_cfg = None
    cfg.model.data_preprocessor.size = (128, 128)
    for loader in ('train', 'val', 'test'):
        dataset = cfg[f'{loader}_dataloader'].dataset
        dataset.data_root = str(sample_city[BY_DATASET[dataset.type]])
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'RandomCrop' and step.crop_size[0] <= 512:
            step.crop_size = (128, 128)
    return cfg


def test_there_are_configs():
    assert len(CONFIGS) >= 10


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_config_trains_and_predicts(path, sample_city):
    torch.manual_seed(0)
    cfg = load(path, sample_city)
    model = MODELS.build(cfg.model)
    model.train()
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = pseudo_collate([dataset[0], dataset[1]])
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
    metric.process(batch, [sample.to_dict() for sample in samples])
    assert 0 <= metric.evaluate(1)['building/IoU'] <= 100
    VISUALIZERS.build(cfg.visualizer)
    for hook in (*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])):
        HOOKS.build(hook)


@pytest.mark.parametrize(
    'path',
    [p for p in CONFIGS if p.stem.startswith('cube-')],
    ids=lambda p: p.stem,
)
def test_cube_twin_differs_from_its_baseline_in_the_convolutions_only(path):
    cube = Config.fromfile(path)
    baseline = Config.fromfile(path.with_name(path.name[len('cube-') :]))
    convs = cube.model.decode_head.pop('conv_cfg')
    assert 'conv_cfg' not in baseline.model.decode_head
    cube.pop('cube')
    hooks = [hook.type for hook in cube.pop('custom_hooks')]
    assert hooks == ['RouterTemperatureHook', 'RouterReportHook']
    assert cube.to_dict() == baseline.to_dict()
    cubes = convs if isinstance(convs, list) else [convs]
    assert all(c.router and 'mask' in c for c in cubes if c is not None)


@pytest.mark.parametrize('data', ['inria', 'whu', 'wbd'])
def test_the_pair_saves_what_the_paper_saves(data):
    name = f'convnext-t-unet_1xb8-80k_{data}-512x512.py'
    folder = FOLDER / 'convnext_unet'
    init_default_scope('mmseg')
    baseline, cube = (
        complexity(Config.fromfile(folder / file).model)
        for file in (name, f'cube-{name}')
    )
    parameters, flops = cube.saving(baseline)
    assert parameters >= 9.2
    assert flops >= 20.8


def test_the_cube_twin_is_cube_where_it_should_be():
    init_default_scope('mmseg')
    path = 'convnext_unet/cube-convnext-t-unet_1xb8-80k_whu-512x512.py'
    cfg = Config.fromfile(FOLDER / path)
    head = MODELS.build(cfg.model.decode_head)
    cubes = [m for m in head.modules() if isinstance(m, CubeConv2d)]
    assert len(cubes) == 8
    assert all(m.router is not None and m.mask is not None for m in cubes)


def test_custom_imports_stand_in_one_file_only():
    named = [
        p for p in FOLDER.rglob('*.py') if 'custom_imports =' in p.read_text()
    ]
    assert named == [FOLDER / '_base_' / 'default_runtime.py']
