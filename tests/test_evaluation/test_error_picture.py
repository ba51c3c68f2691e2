import numpy as np
import pytest
from PIL import Image

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


def test_rows_of_any_size_make_one_picture(tmp_path):
    width, gap, caption = picture.WIDTH, picture.GAP, picture.CAPTION
    path = tmp_path / 'panels.png'
    large = np.zeros((6, 2 * width, 3), np.uint8)
    large[:, ::2] = 200
    empty = np.zeros(large.shape[:2], np.uint8)
    rows = [(GREY, TRUTH, PREDICTION), (large, empty, empty)]
    picture.draw_panels(rows, path)
    sheet = np.asarray(Image.open(path))
    # The small one is enlarged to be seen, the large one shrunk.
    height = caption + width + gap + 3 + gap
    assert sheet.shape == (height, 3 * (width + gap), 3)
    assert (sheet[caption : caption + width, :width] == 100).all()
    shown = picture.paint_errors(GREY, TRUTH, PREDICTION)
    left = 2 * (width + gap)
    assert (sheet[caption + 1, left + 1] == shown[0, 0]).all()
    assert (sheet[-gap - 2, :width] == 100).all()
    assert not sheet[-gap:].any() and not sheet[:, width : width + gap].any()
    # Words in the colours that they name: white, then blue, then orange.
    words = sheet[:caption, left:].astype(int)
    colours = np.sign(words[..., 0] - words[..., 2]).sum(0)
    blue, orange = np.flatnonzero(colours < 0), np.flatnonzero(colours > 0)
    white = np.flatnonzero(words.any((0, 2)) & (colours == 0))
    assert white[0] < 12 and white[-1] < blue[0] and blue[-1] < orange[0]
