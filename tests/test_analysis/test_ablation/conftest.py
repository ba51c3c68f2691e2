"""A study of very small networks on the sample city."""

import pytest

from mmseg_cube.analysis.ablation.study import plan_study

SHORT = {
    'train_cfg.max_iters': 3,
    'train_cfg.val_interval': 3,
    'train_dataloader.batch_size': 1,
}


@pytest.fixture
def plan(tiny_config, tmp_path):
    """Plan a study of variants, with other settings in the config."""

    def plan(*variants, seeds=(0,), short=SHORT, **options):
        options = short | options
        return plan_study(tiny_config, options, variants, seeds, root=tmp_path)

    return plan
