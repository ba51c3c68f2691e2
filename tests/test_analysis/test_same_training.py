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
        # What does not matter.
        ('work_dir', 'work_dirs/b', None),
        ('train_dataloader.num_workers', 4, None),
        ('train_cfg.val_interval', 1, None),
        ('default_hooks.logger.interval', 50, None),
        ('model.widths', (8, 16), None),
        ('model.more', None, None),
    ],
)
def test_what_matters_is_found(name, value, parts):
    before, now = Config(CONFIG), Config(CONFIG).copy()
    now.merge_from_dict({name: value})
    found = differences(before, now)
    if parts is None:
        assert not found
        return
    ((found_name, old, new),) = found
    assert (found_name, new) == (name, value)
    assert differences(before, now, getattr(same_training, parts)) == found
    assert differences(now, before) == [(name, value, old)]


def test_a_longer_list_is_found():
    now = Config(CONFIG).copy()
    now.model.widths = [8, 9, 9]
    found = differences(Config(CONFIG), now)
    assert found == [('model.widths.1', 16, 9), ('model.widths.2', None, 9)]
