"""What a raster file is, by its own bytes, before GDAL may open it."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from mmseg_cube.datasets.errors import RasterError

TIFF, PNG, JPEG = 'GTiff', 'PNG', 'JPEG'  # GDAL's names of the formats
FIRST_BYTES = {
    b'II*\0': TIFF,
    b'MM\0*': TIFF,
    b'II+\0': TIFF,
    b'MM\0+': TIFF,
    b'\x89PNG': PNG,
    b'\xff\xd8\xff': JPEG,
}
# These lead to other files or are slow, so no folder is searched for them.
BY_SUFFIX = {'.jp2': 'JP2OpenJPEG', '.vrt': 'VRT'}
REMOTE = 'http://', 'https://', 'ftp://', 's3://', 'gs://', 'az://', '/vsi'
ORIENTATION = 0x0112  # tag of TIFF; from 2 to 8 if turned

Source = str | Path | bytes  # a file, or what is in it


def is_remote(name: str | Path) -> bool:
    """Tell whether GDAL has to fetch this: it is not the name of a file."""
    return str(name).startswith(REMOTE)


def open_bytes(source: Source) -> BinaryIO:
    """Open a file, or what is in it, to read bytes."""
    if isinstance(source, bytes):
        return BytesIO(source)
    return Path(source).open('rb')


def find_driver(source: Source) -> str:
    """Name the one driver of GDAL that may open a file.

    GDAL would try 150 of them, and some read other files or the network: a
    VRT may call itself ``.tif``.
    """
    if not isinstance(source, bytes):
        suffix = Path(source).suffix.lower()
        if suffix in BY_SUFFIX:
            return BY_SUFFIX[suffix]
    with open_bytes(source) as file:
        start = file.read(4)
    for first, driver in FIRST_BYTES.items():
        if start.startswith(first):
            return driver
    raise RasterError(
        f'is no TIFF, PNG or JPEG file, or its start is damaged: {start!r}',
        'Convert it to one of these, or copy it again.',
    )


def find_orientation(source: Source, driver: str) -> int:
    """Return the orientation that a TIFF file asks viewers for."""
    if driver != TIFF:
        return 1
    with open_bytes(source) as file:
        start = file.read(8)
        if b'+' in start[2:4]:  # of more than 4 GB
            start += file.read(8)
        tags = ImageFileDirectory_v2(start)
        file.seek(tags.next)
        tags.load(file)
        return tags.get(ORIENTATION, 1)
