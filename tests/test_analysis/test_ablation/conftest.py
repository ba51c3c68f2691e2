"""A study of very small networks on the sample city."""

import pytest

from mmseg_cube.analysis.ablation.study import plan_study

# Little to train, and no processes that load what is to be scored: 0 and
# False; a run has its crops drawn in a worker all the same.
SHORT = {
    'train_cfg.max_iters': 3,
    'train_cfg.val_interval': 3,
    'train_dataloader.batch_size': 1,
}
for split in ('train', 'val', 'test'):
    SHORT[f'{split}_dataloader.num_workers'] = 0
    SHORT[f'{split}_dataloader.persistent_workers'] = False


@pytest.fixture
def plan(tiny_config, tmp_path):
    """Plan a study of variants, with other settings in the config."""

    def plan(*variants, seeds=(0,), short=SHORT, **options):
        options = short | options
        return plan_study(tiny_config, options, variants, seeds, root=tmp_path)

    return plan
