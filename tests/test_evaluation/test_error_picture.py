import numpy as np
import pytest

from mmseg_cube.evaluation import error_picture as picture

GREY = np.full((4, 4, 3), 100, np.uint8)
TRUTH = np.array([[1, 1, 0, 255]] * 4, np.uint8)
PREDICTION = np.array([[1, 0, 1, 1]] * 4, np.uint8)


def test_colours_say_what_was_found_missed_false_and_not_scored():
    shown = picture.paint_errors(GREY, TRUTH, PREDICTION).astype(int)
    colours = picture.FOUND, picture.MISSED, picture.FALSE, picture.UNSCORED
    for column, colour in enumerate(map(np.array, colours)):
        expected = (1 - picture.OPACITY) * 55 + picture.OPACITY * colour
        assert abs(shown[0, column] - expected).max() <= 1
    # Other pixels stay grey.
    image, empty = np.full((2, 2, 3), (250, 10, 60)), np.zeros((2, 2))
    shown = picture.paint_errors(image, empty, empty)
    assert (shown == shown[..., :1]).all()
    with pytest.raises(ValueError, match=r'one size.*\(4, 4\).*\(4, 3\)'):
        picture.paint_errors(GREY, TRUTH[:, :3], PREDICTION[:, :3])
