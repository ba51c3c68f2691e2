"""One picture of an image, its truth and the errors of a prediction.

Buildings that were found are white, missed ones sky blue and false ones
orange, over a dark grey image. The colours stay apart for people with any
kind of colour vision, as simulated after Machado et al. 2009 (doi
10.1109/TVCG.2009.113).
"""

import numpy as np

from mmseg_cube.datasets.meaning import IGNORED

Colour = tuple[int, int, int]  # red, green and blue

FOUND: Colour = (245, 245, 245)
MISSED: Colour = (86, 180, 233)
FALSE: Colour = (230, 110, 0)
UNSCORED: Colour = (0, 0, 0)

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
DARKNESS = 0.55  # what is left of the image's brightness
OPACITY = 0.7


def paint_errors(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray
) -> np.ndarray:
    """Show in an image which buildings were found, missed and false.

    The picture is a dark grey copy of an RGB image (H, W, 3), uint8. Labels
    (H, W) are 0 and 1, and 255 where the truth is not known. With the truth
    as prediction, it shows the true buildings.
    """
    sizes = {x.shape[:2] for x in (image, truth, prediction)}
    if len(sizes) > 1:
        raise ValueError(
            'image, truth and prediction must have one size, but are '
            + ' and '.join(map(str, sorted(sizes, reverse=True)))
        )
    grey = DARKNESS * (image.astype(np.float32) @ np.float32(LUMA))
    picture = np.repeat(grey[..., None], 3, axis=2)
    built = prediction == 1
    masks = (truth == 1) & built, (truth == 1) & ~built, (truth == 0) & built
    colours = FOUND, MISSED, FALSE, UNSCORED
    for mask, colour in zip((*masks, truth == IGNORED), colours, strict=True):
        blended = (1 - OPACITY) * picture[mask] + OPACITY * np.array(colour)
        picture[mask] = blended
    return picture.round().astype(np.uint8)
