"""What the files of a raster are besides their pixels: which, and of when."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from mmseg_cube.datasets.headers import is_remote
from mmseg_cube.datasets.rasters import stamp
from mmseg_cube.datasets.validity import depends_on
from mmseg_cube.inference.mosaic import open_any

DATES = 'image_date', 'EXIF_DateTimeOriginal', 'TIFFTAG_DATETIME'  # tags


def identify(path: str | Path, raster: bool = True) -> list[str | int]:
    """Return names, times (ns) and bytes of a file and those it depends on.

    One on a server is not opened.
    """
    if is_remote(path):
        return [str(path)]
    paths = depends_on(path)
    if raster:
        with open_any(path) as dataset:
            paths += dataset.files
    # Path.is_file fails where a name becomes too long.
    files = filter(os.path.isfile, dict.fromkeys(map(os.path.abspath, paths)))
    return [x for f in files for x in (Path(f).name, *stamp(f)[1:])]


def image_date(paths: Sequence[str | Path]) -> str | None:
    """The day a file says, 2024-05-31; several may be of several days."""
    if len(paths) > 1:
        return None
    with open_any(paths[0]) as dataset:
        tags = dataset.tags()
    said = ' '.join(tags.get(name, '') for name in DATES)
    # Cameras without a clock say 0000:00:00.
    found = re.search(r'([12]\d{3})[-:](\d\d)[-:](\d\d)', said)
    return '-'.join(found.groups()) if found else None
