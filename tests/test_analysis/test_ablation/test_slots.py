import os

import pytest
import torch

from mmseg_cube.analysis.ablation.slots import make_slots


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that there are so many GPUs."""

    def gpus(count, visible=None):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: count > 0)
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)
        monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
        if visible is not None:
            monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)

    return gpus


def test_cpu_cores_are_shared(gpus, monkeypatch):
    gpus(0)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: range(7))
    one = dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='7')
    assert make_slots(None, None) == make_slots(['cpu'], 1) == [one]
    three = dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='2')
    assert make_slots(None, 3) == [three] * 3
    assert make_slots(None, 9)[0]['OMP_NUM_THREADS'] == '1'


def test_one_run_per_gpu(gpus):
    gpus(2)
    assert make_slots(None, None) == [
        dict(CUDA_VISIBLE_DEVICES='0'),
        dict(CUDA_VISIBLE_DEVICES='1'),
    ]
    assert make_slots(['1'], None) == [dict(CUDA_VISIBLE_DEVICES='1')]
    assert make_slots(['cpu'], 2)[1]['CUDA_VISIBLE_DEVICES'] == ''
    gpus(2, visible='3, 5')
    named = [slot['CUDA_VISIBLE_DEVICES'] for slot in make_slots(None, None)]
    assert named == ['3', '5']


def test_what_does_not_fit(gpus):
    gpus(1)
    with pytest.raises(ValueError, match='--processes 2: this is for the CPU'):
        make_slots(None, 2)
    with pytest.raises(ValueError, match='name GPUs or cpu, not both'):
        make_slots(['0', 'cpu'], None)
    with pytest.raises(ValueError, match='--devices 0 0: each of them takes'):
        make_slots(['0', '0'], None)
    gpus(0, visible='0')
    assert len(make_slots(None, 1)) == 1
    with pytest.raises(ValueError, match='--devices 0: no CUDA device'):
        make_slots(['0'], None)
