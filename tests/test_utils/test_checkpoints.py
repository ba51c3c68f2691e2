"""What a training leaves is read; what could run a program is not."""

import argparse
import io
import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from mmseg_cube.utils import checkpoints
from mmseg_cube.utils.checkpoints import CheckpointError, read_checkpoint


class Call:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.fixture(autouse=True, params=('this torch', 'one before 2.6'))
def which_torch(request, monkeypatch):
    if request.param != 'this torch':
        monkeypatch.setattr(checkpoints, 'NAMES_GLOBALS', False)


@pytest.fixture
def save(tmp_path):
    def save(zipped=True, **parts):
        path = tmp_path / 'net.pth'
        state = dict(w=nn.Parameter(torch.ones(2).bfloat16()))
        content = dict(dict(state_dict=state), **parts)
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        return path

    return save


@pytest.mark.parametrize(
    ('zipped', 'numpy'), ((True, 'ours'), (False, 'ours'), (False, 'other'))
)
def test_training_is_read(save, zipped, numpy):
    hub = MessageHub.get_instance(f'training {zipped} {numpy}')
    hub.update_scalar('loss', 1.5)
    hub.update_info('best', np.float32(2))
    known = dict(lr=argparse.Namespace(x=np.arange(2)), ok=np.bool_(True))
    parts = dict(meta=known, message_hub=hub.state_dict(), optimizer={})
    path = save(zipped, **parts)
    if numpy == 'other':
        content = path.read_bytes()
        here, there = b'numpy._core', b'numpy.core'
        if here not in content:
            here, there = there, here
        path.write_bytes(content.replace(here, there))
    loaded = read_checkpoint(path)
    assert loaded['state_dict']['w'].tolist() == [1, 1]
    assert loaded['message_hub']['log_scalars']['loss'].mean() == 1.5
    assert loaded['message_hub']['runtime_info']['best'] == 2
    assert loaded['meta']['lr'].x.tolist() == [0, 1]


@pytest.mark.parametrize('zipped', (True, False))
@pytest.mark.parametrize(
    ('call', 'name'),
    (
        ((os.system, ('touch read',)), 'system'),
        ((eval, ("open('read', 'w')",)), 'eval'),
        ((getattr, (torch.Tensor, 'mean')), ''),
        ((nn.Linear, (1, 1)), 'torch.nn.modules.linear.Linear'),
    ),
)
def test_programs_are_refused(save, call, name, zipped, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = save(zipped, meta=dict(x=Call(*call)))
    if call[0] is getattr and checkpoints.NAMES_GLOBALS:
        return  # mmengine allows it; what it finds cannot be called
    with pytest.raises(CheckpointError, match=f'than weights .*{name}'):
        read_checkpoint(path)
    # Whoever loads while a command runs.
    with checkpoints.only_weights(), pytest.raises(CheckpointError):
        torch.load(io.BytesIO(path.read_bytes()), weights_only=False)
    assert not (tmp_path / 'read').exists()
    with checkpoints.only_weights(trust=True):
        read_checkpoint(path)
    assert (tmp_path / 'read').exists() == (name in ('system', 'eval'))


def test_torchscript_is_refused(tmp_path):
    path = tmp_path / 'net.pt'
    torch.jit.script(nn.Linear(1, 1)).save(path)
    with pytest.raises(CheckpointError, match=r'weights \(TorchScript\)'):
        read_checkpoint(path)


def test_plain_pickles_are_refused(tmp_path):
    path = tmp_path / 'net.pth'
    path.write_bytes(pickle.dumps(Call(os.system, ('false',))))
    with pytest.raises(CheckpointError, match='not of torch.save|system'):
        read_checkpoint(path)


def test_torch_is_as_before():
    load = torch.load
    with checkpoints.only_weights(trust=True):
        assert torch.load is not load and checkpoints.TRUST in os.environ
    assert torch.load is load and checkpoints.TRUST not in os.environ
