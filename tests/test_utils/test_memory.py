"""Tests of memory that stays with the process."""

import ctypes
import platform
from pathlib import Path
from unittest import mock

import pytest
import torch

from mmseg_cube.utils.memory import give_back_memory, keep_memory

resource = pytest.importorskip('resource')
SIZE = 50 * 2**20


def count_pages(times):
    """Pages that the system hands out for as many tensors, one by one."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(SIZE, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident():
    """Bytes of this process in memory."""
    pages = Path('/proc/self/statm').read_text().split()[1]
    return int(pages) * resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='glibc only')
def test_freed_memory_is_handed_out_again():
    keep_memory()
    count_pages(5)  # until one finds room
    # Which something else may have taken at one time, but not at each.
    pages = min(count_pages(10) for _ in range(3))
    assert pages < SIZE / resource.getpagesize()
    before = resident()
    give_back_memory()
    assert before - resident() > SIZE / 2


@pytest.mark.parametrize(
    'library', [dict(return_value=object()), dict(side_effect=TypeError)]
)
def test_other_libraries_stay_as_they_are(library):
    with mock.patch.object(ctypes, 'CDLL', **library) as opened:
        keep_memory()
        give_back_memory()
    assert opened.call_count == 3
