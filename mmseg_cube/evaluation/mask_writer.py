"""Writing of predicted masks."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_cube.utils.whole_files import write_whole

from .samples import Box

BUILDING_VALUE = 255


class MaskWriter:
    """Write masks as single-band PNG files, 0 background and 255 building.

    A file appears under its name only when it is complete.

    Args:
        folder: Where to write; made if needed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sources: dict[str, str] = {}

    def write(
        self, mask: np.ndarray, source: str, window: Box | None = None
    ) -> None:
        """Write the mask of one image, or of a window of it.

        Args:
            mask: Labels 0 and 1 of shape (H, W).
            source: Path of the image.
            window: x, y, width and height, if it is not the whole image.

        Raises:
            ValueError: If another image of the same stem came before.
        """
        path = self.folder / self.claim(source, window)
        pixels = (mask == 1).astype(np.uint8) * BUILDING_VALUE
        image = Image.fromarray(pixels)
        write_whole(path, partial(image.save, format='PNG'))

    def claim(self, source: str, window: Box | None = None) -> str:
        """Return the file name for an image and reserve it.

        Args:
            source: Path of the image.
            window: x, y, width and height, if it is not the whole image.

        Returns:
            ``<stem>.png``, or ``<stem>_<y>_<x>.png`` for a window.

        Raises:
            ValueError: If another image of the same stem came before.
        """
        name = Path(source).stem
        if window is not None:
            name += f'_{window[1]}_{window[0]}'
            # Two sizes of window at one place are two sources.
            source = f'{source} {tuple(window)}'
        name += '.png'
        first = self._sources.setdefault(name, source)
        if first != source:
            raise ValueError(
                f'{first} and {source} would both be written as {name} in '
                f'{self.folder}. Evaluate them one after the other with '
                'different output folders'
            )
        return name
