import numpy as np
import pytest
from PIL import Image

from mmseg_cube.evaluation.error_picture import (
    CAPTION,
    FALSE,
    FOUND,
    GAP,
    MISSED,
    OPACITY,
    UNSCORED,
    WIDTH,
    draw_panels,
    paint_errors,
)

GREY = np.full((4, 4, 3), 100, np.uint8)
TRUTH = np.array([[1, 1, 0, 255]] * 4, np.uint8)
PREDICTION = np.array([[1, 0, 1, 1]] * 4, np.uint8)


def test_colours_say_what_was_found_missed_false_and_not_scored():
    picture = paint_errors(GREY, TRUTH, PREDICTION).astype(int)
    for column, colour in enumerate([FOUND, MISSED, FALSE, UNSCORED]):
        expected = (1 - OPACITY) * 55 + OPACITY * np.array(colour)
        assert abs(picture[0, column] - expected).max() <= 1


def test_other_pixels_stay_grey_whatever_their_colour():
    image = np.full((2, 2, 3), (250, 10, 60), np.uint8)
    picture = paint_errors(image, np.zeros((2, 2)), np.zeros((2, 2)))
    assert (picture == picture[..., :1]).all()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r'one size.*\(4, 4\).*\(4, 3\)'):
        paint_errors(GREY, TRUTH[:, :3], PREDICTION[:, :3])


def test_rows_of_any_size_make_one_picture(tmp_path):
    path = tmp_path / 'panels.png'
    large = np.zeros((6, 2 * WIDTH, 3), np.uint8)
    empty = np.zeros(large.shape[:2], np.uint8)
    draw_panels([(GREY, TRUTH, PREDICTION), (large, empty, empty)], path)
    sheet = np.asarray(Image.open(path))
    # The small one is enlarged to be seen, the large one shrunk.
    height = CAPTION + WIDTH + GAP + 3 + GAP
    assert sheet.shape == (height, 3 * (WIDTH + GAP), 3)
    assert (sheet[CAPTION : CAPTION + WIDTH, :WIDTH] == 100).all()
    shown = paint_errors(GREY, TRUTH, PREDICTION)
    left = 2 * (WIDTH + GAP)
    assert (sheet[CAPTION + 1, left + 1] == shown[0, 0]).all()
