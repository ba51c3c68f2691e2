"""Reading checkpoints without running what strangers have put into them.

A checkpoint is a pickle, which may name any function to be called. Here only
those are called that make tensors, numbers, text and mmengine's history.
"""

import argparse
import codecs
import contextlib
import os
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import _weights_only_unpickler as torchs

from mmseg_cube.utils.words import not_found, shorten

# In the environment, so that processes of a command have it, too.
TRUST = 'MMSEG_CUBE_TRUST_CHECKPOINT'
# How files begin, and what others than a checkpoint are.
ZIP, PICKLE = b'PK', b'\x80'
OTHER_FILES = {
    b'<': 'is a web page. Download the file that it offers',
    b'version https://git-lfs': 'is a pointer of Git LFS. Run git lfs pull',
}
# Since torch 2.6 weights_only can be told of more, by name.
NAMES_GLOBALS = hasattr(
    torch.serialization, 'get_unsafe_globals_in_checkpoint'
)
# What torch and we say of a pickle that asks for more than weights.
REFUSED = re.compile(r'GLOBAL ([^\s,]+)|(TorchScript)|operand \d+')
_torch_load = torch.load


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or not without trust."""


def read_checkpoint(path: str | Path) -> dict[str, Mapping]:
    """Read ``state_dict``, ``meta`` and ``message_hub``; what lacks is empty.

    Args and errors are those of :func:`load_file`. A file without weights is
    a CheckpointError, too.
    """
    loaded = load_file(path)
    parts = loaded if isinstance(loaded, Mapping) else {}
    state = parts.get('state_dict', parts)
    names = list(state) if isinstance(state, Mapping) else []
    if not names or not all(
        isinstance(name, str) and isinstance(state[name], torch.Tensor)
        for name in names
    ):
        raise CheckpointError(
            f'{path} has no weights: its state_dict must hold tensors by name'
        )
    rest = {key: parts.get(key) for key in ('meta', 'message_hub')}
    rest = {k: v if isinstance(v, Mapping) else {} for k, v in rest.items()}
    return dict(state_dict=state, **rest)


def load_file(path: str | Path) -> object:
    """Load what a checkpoint holds, whatever it is.

    Args:
        path: File or address, as mmengine takes it; tensors come to the CPU.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it cannot be read.
    """
    try:
        with only_weights():
            return CheckpointLoader.load_checkpoint(str(path), 'cpu')
    except FileNotFoundError as error:
        advice = 'correct the path; trainings leave them in their work folder'
        text = not_found('checkpoint', path, advice)
        raise FileNotFoundError(text) from error
    except CheckpointError:
        raise
    except Exception as error:  # networks and servers raise all kinds
        raise CheckpointError(f'{path}: {shorten(error)}') from error


@contextlib.contextmanager
def only_weights(trust: bool = False) -> Iterator[None]:
    """Let ``torch.load`` read weights only meanwhile, whoever calls it.

    With trust it reads everything, in processes that are started, too.
    """
    trusted = {TRUST: '1'} if trust else {}
    with (
        mock.patch.dict(os.environ, trusted),
        mock.patch.object(torch, 'load', _load),
    ):
        yield


def _load(f: object, map_location: object = None, *_, **options) -> object:
    """Load as ``torch.load`` does, but choose how safe to be."""
    options.pop('pickle_module', None)
    options['weights_only'] = not os.environ.get(TRUST)
    try:
        if not options['weights_only']:
            return _torch_load(f, map_location, **options)
        if NAMES_GLOBALS:
            known = [(thing, name) for name, thing in _harmless().items()]
            with torch.serialization.safe_globals(known):
                return _torch_load(f, map_location, **options)
        options.update(weights_only=False, pickle_module=_OLD_TORCH)
        script = RuntimeError('TorchScript')
        with mock.patch.object(torch.jit, 'load', side_effect=script):
            return _torch_load(f, map_location, **options)
    except Exception as error:  # damaged files raise all kinds
        if isinstance(error, OSError) and error.filename:
            raise
        name = getattr(f, 'name', f)
        raise CheckpointError(f'{name} {_explain(f, str(error))}') from error


@lru_cache
def _harmless() -> Mapping[str, Callable]:
    """What checkpoints name besides torch's own, by module and name.

    NumPy's module has two names, before and since NumPy 2.
    """
    array, number = np.zeros(1), np.float64(0)
    known = {
        'builtins.getattr': _statistic,
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'argparse.Namespace': argparse.Namespace,
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
    }
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        known[f'{module}._reconstruct'] = array.__reduce__()[0]
        known[f'{module}.scalar'] = number.__reduce__()[0]
    for letter in np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?U':
        kind = type(np.dtype(letter))
        known[f'numpy.dtypes.{kind.__name__}'] = kind
    return known


def _statistic(owner: type, name: str) -> Callable:
    """Get a method of a HistoryBuffer, which is stored with its values."""
    if owner is not HistoryBuffer or name.startswith('_'):
        raise pickle.UnpicklingError('GLOBAL builtins.getattr')
    return getattr(owner, name)


class _Unpickler(pickle.Unpickler):
    """For a torch whose ``weights_only`` cannot be told of more."""

    def find_class(self, module: str, name: str) -> object:
        known = torchs._get_allowed_globals() | _harmless()
        known |= {'_codecs.encode': codecs.encode, 'builtins.set': set}
        module = module.replace('__builtin__', 'builtins')  # Python 2
        if (path := f'{module}.{name}') not in known:
            raise pickle.UnpicklingError(f'GLOBAL {path}')
        return known[path]


_OLD_TORCH = SimpleNamespace(
    Unpickler=_Unpickler,
    load=lambda file, **options: _Unpickler(file, **options).load(),
    __name__='weights_only',
)


def _explain(f: object, reason: str) -> str:
    """Say what is wrong with a checkpoint, behind its name."""
    if isinstance(f, str | Path):
        with Path(f).open('rb') as file:
            start = file.read(200).lstrip()
        for letters, text in OTHER_FILES.items():
            if start.startswith(letters):
                return text
        if not start.startswith((ZIP, PICKLE)):
            begin = f'begins with {start[:20]!r}' if start else 'is empty'
            return f'is no checkpoint; it {begin}'
    if found := REFUSED.search(reason):
        what = found[1] or found[2] or 'a pickle that is not of torch.save'
        return (
            f'holds more than weights ({what}), and loading it may run any '
            'program. If you trust where it comes from, add --trust-checkpoint'
        )
    reason = shorten(reason.split('. ')[0])
    return f'is damaged, cut short or of another program: {reason}'
