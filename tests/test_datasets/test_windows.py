import numpy as np
import pytest

from mmseg_cube.datasets.windows import Window, cut_grid, cut_padded


@pytest.mark.parametrize('stride', [None, 300, 341, 512])
@pytest.mark.parametrize('shape', [(1300, 700), (512, 512), (513, 1024)])
def test_cores_cover_every_pixel_once(shape, stride):
    count = np.zeros(shape, int)
    for window, core in cut_grid(*shape, 512, stride):
        assert (window.width, window.height) == (512, 512)
        assert 0 <= window.x <= shape[1] - 512
        assert 0 <= window.y <= shape[0] - 512
        assert window.x <= core.x and window.y <= core.y
        assert core.x + core.width <= window.x + 512
        assert core.y + core.height <= window.y + 512
        count[core.inside(Window(0, 0, *shape[::-1]))] += 1
    assert (count == 1).all()


def test_inria_tile_in_a_grid():
    cuts = cut_grid(5000, 5000, 512)
    assert len(cuts) == 100
    assert cuts[1].window == (512, 0, 512, 512)
    # The last window is moved inwards by 120 pixels and shares 60 of them.
    assert cuts[9].window == (4488, 0, 512, 512)
    assert cuts[9].core == (4548, 0, 452, 512)
    assert cuts[8].core == (4096, 0, 452, 512)


def test_small_raster_gets_one_window_that_reaches_beyond():
    ((window, core),) = cut_grid(100, 300, 512)
    assert window == (0, 0, 512, 512)
    assert core == (0, 0, 300, 100)


@pytest.mark.parametrize('stride', [0, 513, -1])
def test_wrong_stride(stride):
    with pytest.raises(ValueError, match='stride must be from 1 to'):
        cut_grid(1000, 1000, 512, stride)


def test_inria_tile_as_buildformer_cuts_it():
    cuts = cut_padded(5000, 5000, 512)
    assert len(cuts) == 100
    assert cuts[0].window == cuts[0].core == (-60, -60, 512, 512)
    assert cuts[-1].window == (4548, 4548, 512, 512)


@pytest.mark.parametrize('length, starts', [(512, [0]), (513, [-255, 257])])
def test_padding_of_other_sizes(length, starts):
    cuts = cut_padded(length, 512, 512)
    assert [cut.window.y for cut in cuts] == starts


def test_place_of_one_window_in_another():
    rows, columns = Window(5, 7, 2, 3).inside(Window(4, 4, 9, 9))
    assert (rows, columns) == (slice(3, 6), slice(1, 3))
