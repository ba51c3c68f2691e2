"""Pictures of predictions: image | truth | prediction.

In the prediction, buildings that were found are green, missed ones blue and
false ones red.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmseg_cube.utils.whole_files import write_whole

TRUTH = (255, 170, 0)
FOUND = (60, 200, 90)
MISSED = (60, 110, 255)
FALSE = (240, 60, 60)
OPACITY = 0.45
GAP = 4  # pixels between pictures
CAPTION = 18  # pixels above them
WHITE = 255
OVERVIEW_ROWS = 4


def draw_panel(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray
) -> np.ndarray:
    """Draw one row of pictures.

    Args:
        image: RGB image of shape (H, W, 3), 8 bit.
        truth: Building mask of shape (H, W), boolean.
        prediction: Building mask of shape (H, W), boolean.

    Returns:
        RGB picture of shape (H + caption, 3 * W + gaps, 3).

    Raises:
        ValueError: If the sizes differ.
    """
    sizes = {a.shape[:2] for a in (image, truth, prediction)}
    if len(sizes) > 1:
        raise ValueError(
            'image, truth and prediction must have one size, but are '
            f'{image.shape[:2]}, {truth.shape[:2]}, {prediction.shape[:2]}'
        )
    height, width = image.shape[:2]
    pictures = [
        ('image', image),
        ('truth', _paint(image, [(truth, TRUTH)])),
        (
            'prediction: found, missed, false',
            _paint(
                image,
                [
                    (truth & prediction, FOUND),
                    (truth & ~prediction, MISSED),
                    (~truth & prediction, FALSE),
                ],
            ),
        ),
    ]
    row = np.full((height + CAPTION, 3 * width + 2 * GAP, 3), WHITE, np.uint8)
    for i, (title, picture) in enumerate(pictures):
        left = i * (width + GAP)
        row[CAPTION:, left : left + width] = picture
        _write(row, title, left)
    return row


def draw_panels(
    samples: Iterable[dict], predictions: Path, out: Path, limit: int
) -> list[Path]:
    """Draw a panel per sample, and an overview of the first ones.

    Args:
        samples: ``img_path`` and ``seg_map_path`` of each, as datasets list
            them.
        predictions: Folder of 0 / 255 masks named after the images, as
            ``tools/test.py --out`` writes them.
        out: Folder for the pictures.
        limit: Largest number of panels.

    Returns:
        Paths of the pictures, the overview first.

    Raises:
        FileNotFoundError: If a prediction is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths, rows = [], []
    for sample in list(samples)[:limit]:
        stem = Path(sample['img_path']).stem
        mask = predictions / f'{stem}.png'
        if not mask.is_file():
            raise FileNotFoundError(
                f'{mask}: no prediction for {sample["img_path"]}. Write '
                'predictions with tools/test.py CONFIG CHECKPOINT --out DIR'
            )
        row = draw_panel(
            np.asarray(Image.open(sample['img_path']).convert('RGB')),
            np.asarray(Image.open(sample['seg_map_path']).convert('L')) > 0,
            np.asarray(Image.open(mask).convert('L')) > 0,
        )
        paths.append(out / f'{stem}.png')
        _save(row, paths[-1])
        if len(rows) < OVERVIEW_ROWS and row.shape == (rows or [row])[0].shape:
            rows.append(row)
    if rows:
        paths.insert(0, out / 'overview.png')
        _save(np.concatenate(rows), paths[0])
    return paths


def _paint(
    image: np.ndarray, layers: list[tuple[np.ndarray, tuple[int, int, int]]]
) -> np.ndarray:
    out = image.astype(np.float32)
    for mask, colour in layers:
        out[mask] = (1 - OPACITY) * out[mask] + OPACITY * np.array(colour)
    return out.round().astype(np.uint8)


def _write(row: np.ndarray, title: str, left: int) -> None:
    where = (left + 2, CAPTION - 5)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(row, title, where, font, 0.4, (0, 0, 0), 1, cv2.LINE_AA)


def _save(picture: np.ndarray, path: Path) -> None:
    image = Image.fromarray(picture)
    write_whole(path, partial(image.save, format='PNG'))
