"""Folders of building masks, which are read again as LoadBuildingMask does."""

from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_cube.datasets.bands import RGB, Channels
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.whole_files import write_whole

BUILDING_VALUE = 255
Box = tuple[int, int, int, int]  # x, y, width and height


class MaskFolder:
    """Masks of one band as PNG files, 0 background and 255 building.

    A mask has the stem of its image, and appears only when it is complete.
    The folder is made if needed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sources: dict[str, str] = {}

    def write(
        self,
        mask: np.ndarray,
        image: str | Path,
        window: Box | None = None,
        channels: Channels = RGB,
    ) -> None:
        """Write the mask (H, W) of an image, or of a window of it.

        Where the image declares that it has no data is no building.
        """
        path = self.folder / self.claim(image, window)
        mask = mask == 1
        with suppress(RasterError):  # other datasets read other formats
            valid = read_valid(image, window and Window(*window), channels)
            if valid is not None:
                mask = mask & valid
        picture = Image.fromarray(np.uint8(mask) * BUILDING_VALUE)
        write_whole(path, lambda part: picture.save(part, format='PNG'))

    def claim(self, image: str | Path, window: Box | None = None) -> str:
        """Reserve ``<stem>.png``, or ``<stem>_<y>_<x>.png`` for a window.

        Raises:
            ValueError: If another image of the same stem came before.
        """
        name, source = Path(image).stem, str(image)
        if window is not None:
            name += f'_{window[1]}_{window[0]}'
            # Two sizes of window at one place are two sources.
            source += f' {tuple(window)}'
        name += '.png'
        first = self._sources.setdefault(name, source)
        if first != source:
            raise ValueError(
                f'{first} and {source} would both be written as {name} in '
                f'{self.folder}. Write them one after the other, to '
                'different folders'
            )
        return name
