"""What several tests of commands share."""

import pytest


@pytest.fixture(scope='session')
def tiny_network(tiny_config, tiny_checkpoint):
    """The tiny network, as commands load it."""
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.networks import load_network

    return load_network(read_config(tiny_config), tiny_checkpoint)


@pytest.fixture(scope='session')
def plain_twin(tiny_config, tiny_segmentor, tmp_path_factory):
    """Config and checkpoint of the tiny network without Cube kernels.

    The checkpoint is of iteration 10.
    """
    import torch

    folder = tmp_path_factory.mktemp('plain')
    config, checkpoint = folder / 'tiny.py', folder / 'tiny.pth'
    config.write_text(
        f"_base_ = '{tiny_config}'\n"
        'model = dict(decode_head=dict(conv_cfg=None))\n'
    )
    state = tiny_segmentor(**{'model.decode_head.conv_cfg': None}).state_dict()
    torch.save(dict(state_dict=state, meta=dict(iter=10)), checkpoint)
    return config, checkpoint
