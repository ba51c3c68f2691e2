import pytest
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.device import get_device
from mmengine.dist import utils as dist_utils

import mmseg_cube  # noqa: F401


def test_package_is_announced():
    assert MODULE2PACKAGE['mmseg_cube'] == 'mmseg_cube'


@pytest.mark.skipif(get_device() != 'cpu', reason='there is a GPU')
def test_a_backend_for_gpus_is_refused_without_one():
    with pytest.raises(ValueError, match="'nccl' needs a GPU.*backend=gloo"):
        dist_utils._init_dist_pytorch(backend='nccl', init_backend='torch')
