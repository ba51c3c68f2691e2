"""Sample data that several test modules share."""

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
