"""Real trainings of a few iterations, in this process."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_cube.analysis.ablation.identity import keep_config
from mmseg_cube.analysis.ablation.notation import parse_variant
from mmseg_cube.analysis.ablation.plan import plan_runs
from mmseg_cube.analysis.ablation.run import AblationHook, main

FOLDER = Path(__file__).resolve().parents[3] / 'configs' / 'unet_convnext'
CONFIG = FOLDER / 'cube-unet_convnext-atto_1xb8-600_whu-128x128.py'
ITERATIONS = 3
TINY = {
    'model.decode_head.norm_cfg.type': 'BN',
    'model.decode_head.widths': [8, 8, 8, 8],
    'train_dataloader.batch_size': 1,
    # The run has them drawn in a worker all the same.
    'train_dataloader.num_workers': 0,
    'train_cfg.max_iters': ITERATIONS,
    'train_cfg.val_interval': ITERATIONS,
    **{f'{split}_dataloader.persistent_workers': False
       for split in ('train', 'val', 'test')},
    **{f'{split}_dataloader.num_workers': 0 for split in ('val', 'test')},
}  # fmt: skip


class Stop(Exception):
    """Stands for a kill."""


@pytest.fixture(scope='module')
def prepare(sample_city, tmp_path_factory):
    """Put the config of a run into a new folder."""

    def prepare(text, seed=0):
        cfg = Config.fromfile(CONFIG)
        cfg.merge_from_dict(TINY)
        for split in ('train', 'val', 'test'):
            dataset = cfg[f'{split}_dataloader'].dataset
            dataset.data_root = str(sample_city['whu'])
        root = tmp_path_factory.mktemp('study')
        (run,) = plan_runs(cfg, [parse_variant(text)], [seed], root)
        keep_config(run)
        return run

    return prepare


class Watch:
    """Notes the image of every iteration; can stop a run before one."""

    def __init__(self):
        self.images, self.stop = [], None

    def install(self, patch):
        note = AblationHook.before_train_iter

        def before_train_iter(hook, runner, batch_idx, data_batch=None):
            if runner.iter == self.stop:
                raise Stop
            (sample,) = data_batch['data_samples']
            self.images.append(Path(sample.img_path).name)
            note(hook, runner, batch_idx, data_batch)

        patch.setattr(AblationHook, 'before_train_iter', before_train_iter)


@pytest.fixture
def watch(monkeypatch):
    watch = Watch()
    watch.install(monkeypatch)
    return watch


@pytest.fixture(scope='module')
def trained(prepare):
    """Result and images of runs with one seed, by variant."""
    trained = {}
    for text in ('baseline', 'full'):
        with pytest.MonkeyPatch.context() as patch:
            watch = Watch()
            watch.install(patch)
            trained[text] = carry_out(prepare(text)), watch.images
    return trained


def carry_out(run):
    assert main([str(run.folder)]) == 0
    return json.loads(run.result.read_text())


def test_variants_see_the_same_crops(trained):
    (baseline, images), (cube, others) = trained.values()
    assert len(images) == ITERATIONS
    assert images == others
    assert baseline['digest'] == cube['digest']


def test_result(trained):
    (baseline, _), (cube, _) = trained.values()
    assert cube['variant'] == 'full' and cube['seed'] == 0
    assert cube['config'] == CONFIG.stem
    assert (cube['iterations'], cube['batch']) == (ITERATIONS, 1)
    assert (cube['data'], cube['images']) == ('whu', 4)
    assert cube['resumed'] == []
    assert cube['parameters'] < baseline['parameters']
    assert cube['flops'] < baseline['flops']
    assert cube['cubes'].startswith('Cube kernels: 8 of 25')
    assert len(cube['loss']) == ITERATIONS and min(cube['loss']) > 0
    assert 0 < cube['seconds_per_iteration'] < cube['train_seconds']
    for split in ('val', 'test'):
        assert 0 <= cube[split]['building/IoU'] <= 100
        assert 0 <= cube[split]['building/AveragePrecision'] <= 100
    best = cube['val'].get('building/BestIoU')
    assert cube['val'].get('building/TunedIoU') == best
    assert 'torch' in cube['machine'] and 'mmseg_cube' in cube['versions']


def test_a_stopped_run_goes_on(prepare, trained, watch, monkeypatch):
    run = prepare('reconstruction')
    watch.stop = 2
    with pytest.raises(Stop):
        carry_out(run)
    assert not run.result.exists()
    # A study can be moved.
    note = run.folder / 'last_checkpoint'
    note.write_text('elsewhere/' + Path(note.read_text()).name)

    watch.stop = None
    with monkeypatch.context() as patch:
        patch.setattr(Runner, 'test', lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            carry_out(run)
    _, images = trained['baseline']
    assert watch.images == images

    # Only scores are missing.
    result = carry_out(run)
    assert watch.images == images
    assert result['resumed'] == [2]
    assert result['iterations'] == len(result['loss']) == ITERATIONS
    assert {*result['val']} >= {*result['test']} >= {'building/IoU'}
    kept = [path.name for path in run.folder.glob('*.pth')]
    assert kept == [f'iter_{ITERATIONS}.pth']


def test_a_lost_checkpoint_starts_anew(prepare, trained, watch):
    run = prepare('reconstruction', seed=1)
    (run.folder / 'last_checkpoint').write_text('iter_2.pth')
    result = carry_out(run)
    assert result['resumed'] == []
    assert len(watch.images) == ITERATIONS
    # Another seed, other crops.
    assert result['digest'] != trained['baseline'][0]['digest']
