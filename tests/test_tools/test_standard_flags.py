"""The flags of mmseg's scripts work, and so do its scripts themselves."""

import shutil

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.cli.mmseg_script import mmseg_script


@pytest.fixture(params=['ours', "mmseg's"])
def script(request):
    """Find our thin script, or that of mmseg which it runs."""
    if request.param == 'ours':
        return lambda name: name
    return lambda name: mmseg_script(f'{name}.py')


def test_resume(script, trained, run_tool, tmp_path):
    work = tmp_path / 'work'
    shutil.copytree(trained, work)
    (work / 'last_checkpoint').write_text(str(work / 'iter_2.pth'))
    longer = [
        'train_cfg.max_iters=4',
        'train_cfg.val_interval=4',
        'default_hooks.logger.interval=1',
    ]
    log = run_tool(
        script('train'), '--resume', '--work-dir', work,
        cwd=tmp_path, options=longer,
    )  # fmt: skip
    assert 'resumed epoch: 0, iter: 2' in log
    assert '[3/4]' in log
    assert '[2/4]' not in log
    assert (work / 'iter_4.pth').exists()


def test_tta_out_and_show_dir(script, trained, run_tool, tmp_path):
    log = run_tool(
        script('test'), trained / 'iter_2.pth', '--tta', '--out', 'masks',
        '--show-dir', 'shown', '--work-dir', 'work', cwd=tmp_path,
        options=['default_hooks.visualization.interval=1'],
    )  # fmt: skip
    assert 'building/IoU' in log
    masks = list((tmp_path / 'masks').iterdir())
    assert len(masks) == 3
    for mask in masks:
        assert set(np.unique(np.asarray(Image.open(mask)))) <= {0, 255}
    shown = list(tmp_path.rglob('vis_image/*.png'))
    assert len(shown) == 3
