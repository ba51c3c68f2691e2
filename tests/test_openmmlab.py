"""OpenMMLab's other entry points, as docs/openmmlab.md has them."""

import re
from copy import deepcopy
from importlib.metadata import distributions
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmseg.apis import (
    MMSegInferencer,
    inference_model,
    init_model,
    show_result_pyplot,
)

from mmseg_cube.analysis.complexity.count import count_network
from mmseg_cube.cli.mmseg_script import run_mmseg_script
from mmseg_cube.datasets import BuildingDataset

ROOT = Path(__file__).resolve().parents[1]
INRIA = 'unet_convnext/cube-unet_convnext-t_1xb8-80k_inria-512x512.py'
ONEDL = pytest.mark.skipif(
    not list(distributions(name='onedl-mmsegmentation')),
    reason='stops upstream, with every data set and network',
)
HEAD = 'model.decode_head.'
WEIGHT = {f'{HEAD}loss_decode.0.class_weight': [1, 3]}
OHEM = dict(type='OHEMPixelSampler', min_kept=1000)
AUXILIARY = ConfigDict(
    type='FCNHead',
    in_channels=16,
    in_index=2,
    channels=8,
    num_classes=2,
    loss_decode=dict(type='BuildingCrossEntropyLoss', class_weight=[1, 3]),
)


@pytest.fixture(params=['whu', 'inria'])
def config(request, tiny_config, sample_city, tmp_path):
    """Config of the tiny network for tiles, and for windows of rasters."""
    cfg = Config.fromfile(tiny_config)
    if request.param == 'inria':
        tiles = Config.fromfile(ROOT / 'configs' / INRIA)
        cfg.test_pipeline = tiles.test_pipeline
        for name in ('train', 'val', 'test'):
            loader = cfg[f'{name}_dataloader']
            loader.dataset = tiles[f'{name}_dataloader'].dataset
            loader.dataset.update(
                data_root=str(sample_city['inria']),
                regions=['austin'],
                window_size=128,
            )
    cfg.model.test_cfg = dict(mode='whole')
    cfg.train_dataloader.batch_size = 2
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = tmp_path.name
    return cfg


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path):
    """The tiny checkpoint with classes and palette, as trainings write it."""
    path = tmp_path / 'tiny.pth'
    meta = dict(dataset_meta=BuildingDataset.METAINFO)
    torch.save(dict(torch.load(tiny_checkpoint), meta=meta), path)
    return str(path)


def test_networks_look_at_images(config, checkpoint, sample_city, tmp_path):
    folder = sample_city['whu'] / 'test' / 'image'
    paths = sorted(map(str, folder.iterdir()))
    image = cv2.imread(paths[0])

    def network():
        # mmseg changes the config when it is given an array.
        return init_model(deepcopy(config), checkpoint, 'cpu')

    first, second = inference_model(network(), paths)
    masks = [one.pred_sem_seg.data[0].numpy() for one in (first, second)]
    assert masks[0].shape == image.shape[:2]
    for given in (paths[0], image):
        found = inference_model(network(), given).pred_sem_seg.data[0].numpy()
        np.testing.assert_array_equal(found, masks[0])
    shown = str(tmp_path / 'shown.png')
    show_result_pyplot(network(), paths[0], first, show=False, out_file=shown)
    assert cv2.imread(shown).shape == image.shape

    infer = MMSegInferencer(config, checkpoint, device='cpu')
    for given in (paths, str(folder), [image, cv2.imread(paths[1])]):
        found = infer(given, out_dir=str(tmp_path / 'out'))['predictions']
        # A folder comes in no order.
        found, truth = (sorted(x.tobytes() for x in y) for y in (found, masks))
        assert [len(x) for x in found] == [masks[0].nbytes] * 2
        assert found == truth
    assert len(list((tmp_path / 'out' / 'pred').iterdir())) == 6


def concat(first, **changes):
    second = dict(deepcopy(first), **changes)
    return dict(type='ConcatDataset', datasets=[first, second])


@pytest.mark.parametrize(
    'wrap, size',
    [
        (lambda data, root: concat(data, split='train+val'), 2 + 6),
        (lambda data, _: dict(type='RepeatDataset', dataset=data, times=3), 6),
    ],
)
@pytest.mark.parametrize('config', ['whu'], indirect=True)
def test_data_sets_in_wrappers(wrap, size, config, sample_city):
    for name in ('train', 'val', 'test'):
        loader = config[f'{name}_dataloader']
        loader.dataset.split = 'val'
        loader.dataset = wrap(loader.dataset, sample_city['wbd'])
    runner = Runner.from_cfg(config)
    runner.train()
    assert len(runner.train_dataloader.dataset) == size
    assert 0 <= runner.test()['building/IoU'] <= 100


@pytest.mark.parametrize(
    'options',
    [
        WEIGHT,
        {**WEIGHT, f'{HEAD}sampler': dict(OHEM, thresh=0.7)},
        {**WEIGHT, f'{HEAD}sampler': OHEM},
        {'model.auxiliary_head': AUXILIARY},
    ],
)
@pytest.mark.parametrize('config', ['whu'], indirect=True)
def test_weights_of_classes(options, config):
    config.merge_from_dict(options)
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    Runner.from_cfg(config).train()


@pytest.fixture
def written(config, tmp_path, monkeypatch):
    """Path of the config, in the folder in which all happens."""
    monkeypatch.chdir(tmp_path)
    config.dump('config.py')
    return 'config.py'


@ONEDL
@pytest.mark.parametrize('config', ['whu', 'inria'], indirect=True)
def test_browse_dataset(written):
    words = [written, '--output-dir', 'seen', '--not-show']
    assert run_mmseg_script('analysis_tools/browse_dataset.py', words) == 0
    assert list(Path('seen').iterdir())


@ONEDL
def test_get_flops_agrees(capsys):
    path = ROOT / 'configs' / INRIA
    words = [str(path), '--shape', '128']
    assert run_mmseg_script('analysis_tools/get_flops.py', words) == 0
    found = re.search(r'Flops: ([\d.]+)G', capsys.readouterr().out)
    ours = count_network(Config.fromfile(path), 128).flops / 2e9
    assert 1 < float(found[1]) / ours < 1.02


@pytest.mark.parametrize('config', ['whu'], indirect=True)
def test_confusion_matrix_of_labels(written, config, checkpoint):
    words = [written, checkpoint, '--out', 'masks']
    assert run_mmseg_script('test.py', words) == 0
    page = (ROOT / 'docs' / 'openmmlab.md').read_text()
    *_, code = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
    exec(code.replace('CONFIG', written))
    words = [written, 'labels', 'matrix']
    assert run_mmseg_script('analysis_tools/confusion_matrix.py', words) == 0
    assert Path('matrix/confusion_matrix.png').exists()
