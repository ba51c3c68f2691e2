from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_cube.analysis.ablation.identity import (
    check_config,
    first_difference,
    keep_config,
)
from mmseg_cube.analysis.ablation.networks import build_variants
from mmseg_cube.analysis.ablation.notation import parse_variant
from mmseg_cube.analysis.ablation.plan import plan_runs
from mmseg_cube.analysis.complexity.count import complexity

FOLDER = Path(__file__).resolve().parents[3] / 'configs' / 'unet_convnext'
NAME = 'unet_convnext-atto_1xb8-600_whu-128x128.py'
VARIED = ('model', 'custom_hooks')


@pytest.fixture(scope='module')
def cfg():
    return Config.fromfile(FOLDER / f'cube-full-{NAME}')


def plan(cfg, root, *texts, seeds=(0,), **options):
    changed = Config(cfg.to_dict(), filename=cfg.filename)
    changed.merge_from_dict(options)
    return plan_runs(changed, [*map(parse_variant, texts)], seeds, root)


def test_runs_of_the_first_seed_come_first(cfg, tmp_path):
    runs = plan(cfg, tmp_path, 'baseline', 'full+scale=2', seeds=(3, 1))
    assert [run.folder.relative_to(tmp_path).as_posix() for run in runs] == [
        'baseline/seed-3',
        'full+scale=2/seed-3',
        'baseline/seed-1',
        'full+scale=2/seed-1',
    ]
    assert [run.cfg.randomness.seed for run in runs] == [3, 3, 1, 1]
    assert runs[1].name == 'full+scale=2, seed 3'
    assert runs[0].iterations == 600
    models = [run.cfg.model for run in runs]
    assert models[0] == models[2] != models[1]
    # All else is the same, but for the hook that a router needs.
    left = {k: v for k, v in runs[0].cfg.items() if k not in VARIED}
    right = {k: v for k, v in runs[1].cfg.items() if k not in VARIED}
    assert first_difference(left, right, '') == (
        '.ablation.variant',
        'baseline',
        'full+scale=2',
    )


@pytest.mark.parametrize(
    'text, added',
    [
        ('baseline', False),
        ('mask', False),
        ('router', True),
        ('reconstruction+router.method=sort', True),
        ('reconstruction+router.method=fixed', False),
    ],
)
def test_learned_routers_cool(cfg, tmp_path, text, added):
    given = [dict(type='CubeSummaryHook')]
    cooling = dict(type='RouterTemperatureHook')
    (run,) = plan(cfg, tmp_path, text, custom_hooks=given)
    assert run.cfg.custom_hooks == given + [cooling] * added
    own = [dict(type='mmseg_cube.RouterTemperatureHook', end=0.1)]
    (run,) = plan(cfg, tmp_path, text, custom_hooks=own)
    assert run.cfg.custom_hooks == own


def test_what_a_run_changes_in_its_config(cfg, tmp_path):
    (run,) = plan(
        cfg,
        tmp_path,
        'config',
        randomness=dict(deterministic=True),
        train_dataloader=dict(num_workers=0, persistent_workers=False),
    )
    assert run.cfg.randomness == dict(deterministic=True, seed=0)
    assert run.cfg.train_dataloader.num_workers == 1
    assert run.cfg.train_dataloader.batch_size == 8
    assert run.cfg.default_hooks.logger.interval == 20
    saved = run.cfg.default_hooks.checkpoint
    assert saved.interval == 60 and saved.max_keep_ckpts == 2
    assert 'save_best' not in saved and 'rule' not in saved
    assert cfg.default_hooks.checkpoint.save_best == 'building/IoU'
    (run,) = plan(
        cfg, tmp_path, 'config', **{'default_hooks.checkpoint.interval': 7}
    )
    assert run.cfg.default_hooks.checkpoint.interval == 7


def test_configs_that_cannot_be_trained(cfg, tmp_path):
    plain = Config.fromfile(FOLDER / NAME)
    with pytest.raises(ValueError, match='no Cube kernels to vary'):
        plan(plain, tmp_path, 'full')
    with pytest.raises(ValueError, match='128.py has no val_evaluator'):
        plan(cfg, tmp_path, 'full', val_evaluator=None)
    epochs = dict(_delete_=True, by_epoch=True, max_epochs=2)
    with pytest.raises(ValueError, match='train_cfg has no max_iters'):
        plan(cfg, tmp_path, 'full', train_cfg=epochs)


def test_networks_are_built_and_counted(cfg, tmp_path):
    runs = plan(cfg, tmp_path, 'baseline', 'full', seeds=(0, 1))
    built = build_variants(runs)
    assert list(built) == ['baseline', 'full']
    assert built['baseline'].cubes == 0
    assert built['full'].cubes == 8
    assert built['full'].summary.startswith('Cube kernels: 8 of 25')
    assert built['full'].side == (128, 128)
    assert built['full'].size == complexity(cfg.model, 128)
    twin = Config.fromfile(FOLDER / NAME)
    assert built['baseline'].size == complexity(twin.model, 128)


@pytest.mark.parametrize(
    'texts, message',
    [
        (['full+router.method=foo'], "foo': method of .* got 'foo'"),
        (['full+mask.kernel_size=4'], 'positive odd number, but got 4'),
        # No level has channels for a lattice of scale 5.
        (['reconstruction+scale=7'], 'no Cube convolution left. Cube kern'),
        (
            ['mask', 'mask+mask.kernel_size=5'],
            "'mask' and 'mask[+]mask.kernel_size=5' are the same network",
        ),
    ],
)
def test_networks_that_are_refused(cfg, tmp_path, texts, message):
    with pytest.raises(ValueError, match=message):
        build_variants(plan(cfg, tmp_path, *texts))


def test_a_run_keeps_its_config(cfg, tmp_path):
    (run,) = plan(cfg, tmp_path, 'full+levels=0,1')
    keep_config(run)
    kept = Config.fromfile(run.folder / 'config.py')
    assert first_difference(kept.to_dict(), run.cfg.to_dict(), '') is None
    other = {'optim_wrapper.optimizer.betas': (0.9, 0.99)}
    (changed,) = plan(cfg, tmp_path, 'full+levels=0,1', **other)
    # Nothing is lost while there is no checkpoint.
    keep_config(changed)
    keep_config(run)
    (run.folder / 'last_checkpoint').write_text('iter_60.pth')
    keep_config(run)
    message = r'begun with optim_wrapper.optimizer.betas.1 = 0.999, now .*0.99'
    for check in (check_config, keep_config):
        with pytest.raises(ValueError, match=message) as caught:
            check(changed)
        assert '--work-dir, or delete' in str(caught.value)
    # How much is logged makes no other result.
    (logged,) = plan(cfg, tmp_path, 'full+levels=0,1', log_level='WARNING')
    check_config(logged)


def test_first_difference():
    one = dict(a=[1, dict(b=(2, 3))], c=None)
    assert first_difference(one, dict(a=(1, dict(b=[2, 3]))), 'x') is None
    other = dict(a=[1, dict(b=[2, 4])])
    assert first_difference(one, other, 'x') == ('x.a.1.b.1', 3, 4)
    assert first_difference([1], [1, 2], 'x') == ('x', [1], [1, 2])
    assert first_difference(dict(a=1), {}, 'x') == ('x.a', 1, None)
