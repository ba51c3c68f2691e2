import pytest
from mmengine.config import Config

from mmseg_cube.analysis import same_training
from mmseg_cube.analysis.same_training import differences

CONFIG = dict(
    model=dict(type='Net', widths=[8, 16], norm=None),
    train_dataloader=dict(batch_size=2, num_workers=0, data_root='data/WHU'),
    test_dataloader=dict(batch_size=1),
    train_cfg=dict(max_iters=9, val_interval=3),
    default_hooks=dict(
        logger=dict(interval=1),
        temperature=dict(type='RouterTemperatureHook', end=0.1),
    ),
    randomness=dict(seed=0),
    work_dir='work_dirs/a',
)


def changed(**changes):
    cfg = Config(CONFIG).copy()
    cfg.merge_from_dict(changes)
    return cfg


@pytest.mark.parametrize(
    ('name', 'value', 'parts'),
    [
        ('model.norm', 'BN', 'TRAINING'),
        ('train_dataloader.batch_size', 4, 'TRAINING'),
        ('train_dataloader.data_root', 'data/other', 'TRAINING'),
        ('default_hooks.temperature.end', 0.01, 'TRAINING'),
        ('load_from', 'weights.pth', 'TRAINING'),
        ('test_dataloader.batch_size', 8, 'SCORING'),
        ('randomness.seed', 1, 'SEED'),
    ],
)
def test_what_matters_is_found(name, value, parts):
    cfg = changed(**{name: value})
    (found,) = differences(Config(CONFIG), cfg)
    assert found[::2] == (name, value)
    own = getattr(same_training, parts)
    assert differences(Config(CONFIG), cfg, own) == [found]
    (back,) = differences(cfg, Config(CONFIG))
    assert back == (name, value, found[1])


def test_a_longer_list_is_found():
    found = differences(Config(CONFIG), changed(**{'model.widths': [8, 9, 9]}))
    assert found == [('model.widths.1', 16, 9), ('model.widths.2', None, 9)]


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('work_dir', 'work_dirs/b'),
        ('train_dataloader.num_workers', 4),
        ('train_cfg.val_interval', 1),
        ('default_hooks.logger.interval', 50),
        ('model.widths', (8, 16)),
        ('model.more', None),
    ],
)
def test_what_does_not_matter_is_not(name, value):
    assert not differences(Config(CONFIG), changed(**{name: value}))
