import pytest
from mmengine.config import Config

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
    ('name', 'value', 'matters'),
    [
        ('model.norm', 'BN', True),
        ('train_dataloader.batch_size', 4, True),
        ('train_dataloader.data_root', 'data/other', True),
        ('default_hooks.temperature.end', 0.01, True),
        ('load_from', 'weights.pth', True),
        ('test_dataloader.batch_size', 8, True),
        ('randomness.seed', 1, True),
        # What does not matter.
        ('work_dir', 'work_dirs/b', False),
        ('train_dataloader.num_workers', 4, False),
        ('train_cfg.val_interval', 1, False),
        ('default_hooks.logger.interval', 50, False),
        ('model.widths', (8, 16), False),
        ('model.more', None, False),
    ],
)
def test_what_matters_is_found(name, value, matters):
    before, now = Config(CONFIG), Config(CONFIG).copy()
    now.merge_from_dict({name: value})
    found = differences(before, now)
    assert [(key, new) for key, _, new in found] == [(name, value)] * matters
    back = [(key, new, old) for key, old, new in found]
    assert differences(now, before) == back
