"""Sample data and a process group that several test modules share."""

import gc

import pytest


@pytest.fixture(scope='session')
def sample_city(tmp_path_factory):
    """Roots of a tiny sample city in the layouts of the three datasets."""
    from mmseg_cube.datasets.sample_city import (
        write_inria,
        write_wbd,
        write_whu,
    )

    root = tmp_path_factory.mktemp('sample_city')
    counts = dict(train=4, val=2, test=2)
    write_whu(root / 'whu', counts, 256)
    write_wbd(root / 'wbd', counts, 256)
    write_inria(root / 'inria', 7, 256, regions=('austin',), test_tiles=0)
    return {name: root / name for name in ('whu', 'wbd', 'inria')}


@pytest.fixture
def process_group(tmp_path):
    """A group of this process alone, in which models can be wrapped."""
    from torch import distributed

    distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/group', rank=0, world_size=1
    )
    yield
    # Once in some hundred times, a wrapper that goes after its group waits
    # for a thread of it that waits for the interpreter.
    gc.collect()
    distributed.destroy_process_group()
