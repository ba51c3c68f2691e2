import os

import cv2
import numpy as np
import pytest

from mmseg_cube.datasets.conversion.workers import work_through

LARGE = np.zeros((2000, 2000, 3), np.uint8)


def shrink(number):
    # Large enough for OpenCV to spread it over its threads.
    return number, cv2.resize(LARGE + number, (1000, 1000)).mean()


def broken(number):
    raise OSError(28, f'number {number}')


@pytest.mark.parametrize('workers', [1, 2])
def test_works_after_opencv_had_threads(workers):
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        shrink(0)
        found = sorted(work_through(shrink, [1, 2, 3], workers, 'shrink'))
        assert found == [(1, 1), (2, 2), (3, 3)]
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(threads)


def pid(_):
    return os.getpid()


def test_processes():
    assert set(work_through(pid, range(3), 1, 'one')) == {os.getpid()}
    found = set(work_through(pid, range(8), 2, 'two'))
    assert os.getpid() not in found
    assert len(found) <= 2
    assert list(work_through(pid, [], 2, 'none')) == []


@pytest.mark.parametrize('workers', [1, 2])
def test_errors_arrive_whole(workers):
    with pytest.raises(OSError, match='number') as caught:
        list(work_through(broken, [1, 2], workers, 'broken'))
    assert caught.value.errno == 28
