import pytest

from mmseg_cube.analysis.ablation.study import count_variants
from mmseg_cube.analysis.same_training import differences


def test_runs_of_the_first_seed_come_first(plan, tmp_path):
    study = plan('baseline', 'full+scale=(2)', 'baseline', seeds=(3, 1, 3))
    assert study.reference == 'baseline'
    runs = study.runs
    assert [run.folder.relative_to(tmp_path).as_posix() for run in runs] == [
        'baseline/seed-3',
        'full+scale=_2_/seed-3',
        'baseline/seed-1',
        'full+scale=_2_/seed-1',
    ]
    assert [run.cfg.randomness.seed for run in runs] == [3, 3, 1, 1]
    assert runs[0].cfg.model == runs[2].cfg.model != runs[1].cfg.model
    # All else is the same.
    found = {name for name, *_ in differences(runs[0].cfg, runs[1].cfg)}
    assert found and all(name.startswith('model.') for name in found)


def test_what_a_run_changes_in_its_config(plan):
    hooks = [dict(type='CubeSummaryHook')]
    options = {
        'randomness.deterministic': True,
        'train_dataloader.batch_size': 8,
        'train_cfg.max_iters': 600,
    }
    (run,) = plan('config', custom_hooks=hooks, **options).runs
    assert run.cfg.randomness == dict(deterministic=True, seed=0)
    assert run.cfg.train_dataloader.num_workers == 1
    assert run.cfg.train_dataloader.batch_size == 8
    cooling = [dict(type='RouterTemperatureHook')]
    assert run.cfg.custom_hooks == hooks + cooling
    (run,) = plan('config', custom_hooks=cooling).runs
    assert run.cfg.custom_hooks == cooling


def test_configs_that_cannot_be_trained_or_scored(plan):
    message = r'cube-tiny\.py: an ablation trains for train_cfg.max_iters'
    epochs = dict(_delete_=True, by_epoch=True, max_epochs=2)
    for options in dict(test_cfg=None), dict(train_cfg=epochs):
        with pytest.raises(ValueError, match=message):
            plan('full', short={}, **options)


@pytest.mark.parametrize(
    'texts, message',
    [
        (['full+size=3'], "'full.size=3': .*unexpected keyword .*'size'"),
        (['full+mask.kernel_size=4'], 'positive odd number, but got 4'),
        # No level has channels for a lattice of scale 7.
        (['mask+scale=7'], "7': no Cube convolution is left. Cube kernels: 0"),
        (
            ['mask', 'mask+mask.kernel_size=5'],
            "kernel_size=5': the same network as 'mask'; leave it out",
        ),
    ],
)
def test_networks_that_are_refused(plan, texts, message):
    with pytest.raises(ValueError, match=message):
        count_variants(plan(*texts))


def test_a_run_keeps_its_config(plan):
    (run,) = plan('full+levels=0,1').runs
    run.folder.mkdir(parents=True)
    run.cfg.dump(run.folder / 'config.py')
    other = {'optim_wrapper.optimizer.betas': (0.9, 0.99)}
    (changed,) = plan('full+levels=0,1', **other).runs
    # Nothing is lost while there is no result.
    changed.check_config()
    run.result.write_text('{}')
    run.check_config()
    message = r'made with optim_wrapper.optimizer.betas.1 = 0.999, now .*0.99'
    with pytest.raises(ValueError, match=f'{message}.* --out, or delete'):
        changed.check_config()
    # How much is logged makes no other result.
    (logged,) = plan('full+levels=0,1', log_level='WARNING').runs
    logged.check_config()
