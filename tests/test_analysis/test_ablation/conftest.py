"""A study of very small networks on the sample city."""

import pytest

from mmseg_cube.analysis.ablation.study import plan_study

ITERATIONS = 3
# Little to train, and no processes that load what is to be scored.
SHORT = {
    'train_dataloader.batch_size': 1,
    # The run has them drawn in a worker all the same.
    'train_dataloader.num_workers': 0,
    'train_cfg.max_iters': ITERATIONS,
    'train_cfg.val_interval': ITERATIONS,
    **{f'{split}_dataloader.persistent_workers': False
       for split in ('train', 'val', 'test')},
    **{f'{split}_dataloader.num_workers': 0 for split in ('val', 'test')},
}  # fmt: skip


@pytest.fixture
def plan(tiny_config, tmp_path):
    """Plan a study of variants, with other settings in the config."""

    def plan(*variants, seeds=(0,), short=SHORT, **options):
        options = short | options
        return plan_study(tiny_config, options, variants, seeds, root=tmp_path)

    return plan
