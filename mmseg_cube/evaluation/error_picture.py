"""One picture of an image, its truth and the errors of a prediction.

Buildings that were found are white, missed ones sky blue and false ones
orange, over a dark grey image. The colours stay apart for people with any
kind of colour vision, as simulated after Machado et al. 2009 (doi
10.1109/TVCG.2009.113).
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.utils.whole_files import write_whole

Colour = tuple[int, int, int]  # red, green and blue

FOUND: Colour = (245, 245, 245)
MISSED: Colour = (86, 180, 233)
FALSE: Colour = (230, 110, 0)
UNSCORED: Colour = (0, 0, 0)

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
DARKNESS = 0.55  # what is left of the image's brightness
OPACITY = 0.7
GAP = 4  # pixels between panels
CAPTION = 20  # pixels above them
WIDTH = 512  # of a panel, in pixels
LETTER = 0.4  # scale of OpenCV's font


def paint(
    image: np.ndarray, layers: Iterable[tuple[np.ndarray, Colour]]
) -> np.ndarray:
    """Lay colours over a dark grey copy of an RGB image (H, W, 3), uint8."""
    grey = DARKNESS * (image.astype(np.float32) @ np.float32(LUMA))
    picture = np.repeat(grey[..., None], 3, axis=2)
    for mask, colour in layers:
        if mask.shape != grey.shape:
            raise ValueError(
                'image, truth and prediction must have one size, but are '
                f'{grey.shape} and {mask.shape}'
            )
        blended = (1 - OPACITY) * picture[mask] + OPACITY * np.array(colour)
        picture[mask] = blended
    return picture.round().astype(np.uint8)


def paint_errors(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray
) -> np.ndarray:
    """Show in an image which buildings were found, missed and false.

    Labels (H, W) are 0 and 1, and 255 where the truth is not known. With the
    truth as prediction, it shows the true buildings.
    """
    built = prediction == 1
    masks = (truth == 1) & built, (truth == 1) & ~built, (truth == 0) & built
    colours = FOUND, MISSED, FALSE, UNSCORED
    layers = zip((*masks, truth == IGNORED), colours, strict=True)
    return paint(image, layers)


def draw_panels(
    rows: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], path: Path
) -> None:
    """Draw rows of image, truth and prediction of one size, as a PNG."""
    errors = [('found', FOUND), ('missed', MISSED), ('false', FALSE)]
    columns = [[('image', FOUND)], [('truth', FOUND)], errors]
    sheet = [np.hstack([_caption(words) for words in columns])]
    for image, truth, prediction in rows:
        built = paint_errors(image, truth, truth)
        found = paint_errors(image, truth, prediction)
        sheet.append(np.hstack([_fit(p) for p in (image, built, found)]))
    picture = Image.fromarray(np.vstack(sheet))
    write_whole(path, lambda part: picture.save(part, format='PNG'))


def _fit(panel: np.ndarray) -> np.ndarray:
    """Give a panel the width of all, and a frame on two sides."""
    height, width = panel.shape[:2]
    size = WIDTH, max(1, round(height * WIDTH / width))
    how = cv2.INTER_AREA if width > WIDTH else cv2.INTER_NEAREST
    panel = cv2.resize(panel, size, interpolation=how)
    return np.pad(panel, ((0, GAP), (0, GAP), (0, 0)))


def _caption(words: list[tuple[str, Colour]]) -> np.ndarray:
    strip = np.zeros((CAPTION, WIDTH + GAP, 3), np.uint8)
    font, left = cv2.FONT_HERSHEY_SIMPLEX, 4
    for word, colour in words:
        place = left, CAPTION - 6
        cv2.putText(strip, word, place, font, LETTER, colour, 1, cv2.LINE_AA)
        left += 12 + cv2.getTextSize(word, font, LETTER, 1)[0][0]
    return strip
