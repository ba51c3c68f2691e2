"""The network that comes with the package."""

import pytest
import torch

from mmseg_cube.utils import default_network
from mmseg_cube.utils.checkpoints import CheckpointError, read_checkpoint
from mmseg_cube.utils.default_network import ADDRESS, choose_network


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """A file in the place of the default network's."""
    path = tmp_path / 'roofs.pth'
    meta = dict(resolution=0.3)
    state = dict(weight=torch.ones(2, 2).half())
    torch.save(dict(state_dict=state, meta=meta), path)
    monkeypatch.setattr(default_network, 'WEIGHTS', path)
    return path


def test_default_network_is_taken_where_none_is_named(packaged, capsys):
    assert choose_network('a.py', 'a.pth') == ('a.py', 'a.pth')
    assert not capsys.readouterr().err
    config, checkpoint = choose_network(None, None)
    assert config.endswith('mmseg_cube/.mim/configs/_base_/own_tiles.py')
    assert checkpoint == ADDRESS
    said = capsys.readouterr().err
    assert 'default network' in said and 'at 0.3 m a pixel' in said
    assert said.count('Note: ') == 1
    assert read_checkpoint(ADDRESS)['meta']['resolution'] == 0.3


def test_one_name_is_too_few(packaged):
    for names in (('a.py', None), (None, 'a.pth')):
        with pytest.raises(ValueError, match='a.p.* is all .* name both'):
            choose_network(*names)


def test_an_installation_may_have_none(packaged):
    packaged.unlink()
    with pytest.raises(ValueError, match='no default network .*name a CONFIG'):
        choose_network(None, None)
    with pytest.raises(CheckpointError, match=f'^{ADDRESS}: there is no def'):
        read_checkpoint(ADDRESS)
