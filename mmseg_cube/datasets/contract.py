"""What images and building masks must be, checked whenever they are read.

Images are 8-bit RGB and upright. Masks hold 0 for background and 255 or 1 for
building.
"""

from io import BytesIO

import cv2
import numpy as np
import rasterio
from PIL import Image

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.rasters import (
    PNG,
    TIFF,
    Source,
    open_raster,
    read_open,
)
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.words import name_some

BUILDING_VALUES = (1, 255)  # either marks a building, but not both at once
IGNORED = 255  # the label of pixels that do not count
SHOWN_VALUES = 8
ORIENTATION_TAG = 0x0112  # EXIF; 1 means "as stored"
UPRIGHT = 1


def image_shape(source: Source) -> tuple[int, int]:
    """Height and width of an image in pixels, from its header.

    Raises:
        RasterError: If it cannot be opened, is not 8-bit RGB or not upright.
    """
    header = open_raster(source)
    _refuse_image(header, source)
    return header.height, header.width


def read_image(source: Source, window: Window | None = None) -> np.ndarray:
    """Read an image, or a window of it.

    Args:
        source: The image.
        window: The window; what lies beyond the edges is reflected.

    Returns:
        uint8 of shape (H, W, 3), channels in the order BGR like those that
        mmcv reads.

    Raises:
        RasterError: If the file cannot be read, is not 8-bit RGB or not
            upright.
    """
    dataset = open_raster(source)
    _refuse_image(dataset, source)
    bands = read_open(dataset, source, window)
    if len(bands) != 3:  # GDAL promises three for the four of a CMYK file
        raise _not_rgb(dataset, len(bands))
    return cv2.merge(bands[::-1])


def check_image(path: str) -> tuple[int, int]:
    """Decode an image once and return its height and width in pixels.

    Args:
        path: The image.

    Raises:
        RasterError: If training could not read it as 8-bit RGB.
    """
    shape = image_shape(path)
    if open_raster(path).driver != TIFF:
        read_image(path)
        return shape
    # MMSegmentation's own loader knows fewer kinds of TIFF than GDAL.
    try:
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise RasterError(
            'OpenCV, which reads the images in training, cannot decode it: '
            'damaged, cut short or in a compression that it lacks',
            'Copy it again, or rewrite it with "gdal_translate -co '
            'COMPRESS=DEFLATE IN.tif OUT.tif".',
        )
    if pixels.shape[:2] != shape:
        raise _rotated(f'{shape} becomes {pixels.shape[:2]}')
    return shape


def mask_shape(source: Source) -> tuple[int, int]:
    """Height and width in pixels of a mask that is read in windows.

    Raises:
        RasterError: If it cannot be opened, or its values stand for others.
    """
    header = open_raster(source)
    _refuse_inverted(header)
    _refuse_palette(header)
    return header.height, header.width


def read_mask(source: Source, window: Window | None = None) -> np.ndarray:
    """Read a building mask, or a window of it.

    Args:
        source: The mask.
        window: The window; what lies beyond the edges is reflected.

    Returns:
        uint8 of shape (H, W), 0 for background and 1 for building.

    Raises:
        RasterError: If the file cannot be read or is no building mask.
    """
    return to_binary(read_mask_values(source, window))


def read_mask_values(
    source: Source, window: Window | None = None
) -> np.ndarray:
    """Read the values of a building mask, whatever they are.

    A whole mask with a palette comes back as its colours when these are black
    and white, else as indices. A window of it would not tell which.

    Args:
        source: The mask.
        window: The window; what lies beyond the edges is reflected.

    Returns:
        Values of shape (bands, H, W).

    Raises:
        RasterError: If the file cannot be read, or the values stand for
            others.
    """
    dataset = open_raster(source)
    _refuse_inverted(dataset)
    palette = _palette(dataset)
    if window is not None:
        _refuse_palette(dataset)
    values = read_open(dataset, source, window)
    if palette:
        return _through_palette(values, palette)
    bits = int(dataset.tags(1, ns='IMAGE_STRUCTURE').get('NBITS', 8))
    if dataset.driver == PNG and bits < 8:  # white is 1, 3 or 15
        values = values * np.uint8(255 // (2**bits - 1))
    return values


def to_binary(values: np.ndarray) -> np.ndarray:
    """Turn stored mask values into 0 (background) and 1 (building).

    Args:
        values: 0 and 255, or 0 and 1, as one band (1, H, W) or three equal
            ones (3, H, W).

    Returns:
        uint8 of shape (H, W).

    Raises:
        RasterError: If the values are anything else.
    """
    advice = (
        'Write one band of 0 for background and 255 (or 1) for building; '
        'grey edges of a resized or JPEG mask can be cut at 128.'
    )
    if len(values) not in (1, 3):
        raise RasterError(f'mask has {len(values)} bands', advice)
    if any((values[0] != other).any() for other in values[1:]):
        raise RasterError('mask has three bands that differ', advice)
    band = values[0]
    if band.dtype.kind not in 'biu':
        raise RasterError(f'mask holds {band.dtype} values', advice)
    building = band != 0
    top = band.max()
    # Counting needs one byte per pixel; np.unique would sort 25 million.
    marked = np.count_nonzero(building)
    if marked and not (
        top in BUILDING_VALUES and np.count_nonzero(band == top) == marked
    ):
        found = name_some([str(v) for v in np.unique(band)], SHOWN_VALUES)
        raise RasterError(f'mask holds the values {found}', advice)
    return building.view(np.uint8)


def refuse_mismatch(image: tuple[int, int], mask: tuple[int, int]) -> None:
    """Refuse a mask of another size than its image.

    Args:
        image: Height and width of the image in pixels.
        mask: Height and width of the mask in pixels.

    Raises:
        RasterError: If they differ.
    """
    if image != mask:
        raise RasterError(
            f'mask is {mask[1]} x {mask[0]} pixels, its image is '
            f'{image[1]} x {image[0]}',
            'Cut both from the same extent.',
        )


def find_swap(image: Source, mask: Source | None) -> str:
    """Say so if an image and its mask seem to have changed places.

    To be asked when one of the two was refused.

    Returns:
        The fault, empty if they have not.
    """
    if mask is None:
        return ''
    try:
        bands = [open_raster(source).count for source in (image, mask)]
        if bands != [1, 3]:
            # A black image proves nothing.
            if bands[1] != 3 or not read_mask(image).any():
                return ''
            read_image(mask)
    except RasterError:
        return ''
    return (
        'image and mask look swapped: the image holds a building mask. '
        'Exchange the folders of images and masks, or the paths in '
        'data_prefix.'
    )


def _refuse_image(header: rasterio.DatasetReader, source: Source) -> None:
    if header.count != 3 or set(header.dtypes) != {'uint8'}:
        raise _not_rgb(header, header.count)
    if header.driver == TIFF:
        return
    file = BytesIO(source) if isinstance(source, bytes) else source
    with Image.open(file) as image:  # only its header is read
        turn = UPRIGHT
        if 'exif' in image.info:
            turn = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
    if turn != UPRIGHT:
        raise _rotated(f'EXIF orientation {turn}')


def _refuse_inverted(header: rasterio.DatasetReader) -> None:
    if header.tags(ns='IMAGE_STRUCTURE').get('MINISWHITE') == 'YES':
        raise RasterError(
            'mask is stored white-is-zero, so its values are inverted',
            'Rewrite it with PHOTOMETRIC=MINISBLACK.',
        )


def _refuse_palette(header: rasterio.DatasetReader) -> None:
    if _palette(header):
        raise RasterError(
            'mask has a palette, which windows are read without',
            'Rewrite it with "gdal_translate -expand gray IN.tif OUT.tif".',
        )


def _palette(header: rasterio.DatasetReader) -> dict[int, tuple[int, ...]]:
    # Not by colorinterp: it raises what GDAL last said in this thread, also
    # when that was about another, damaged file.
    try:
        return header.colormap(1)
    except ValueError:
        return {}


def _through_palette(
    values: np.ndarray, palette: dict[int, tuple[int, ...]]
) -> np.ndarray:
    # Quantisers sort palettes by frequency, so index 0 may well be white.
    table = np.zeros((256, 3), np.uint8)
    for index, colour in palette.items():
        if index < len(table):
            table[index] = colour[:3]
    used = table[np.unique(values)]
    if used.max() == 255 and np.isin(used, (0, 255)).all():
        return table[values[0]].transpose(2, 0, 1)
    return values


def _not_rgb(header: rasterio.DatasetReader, count: int) -> RasterError:
    advice = (
        'Convert it, for example with '
        'PIL.Image.open(IN).convert("RGB").save(OUT).'
    )
    if header.driver == TIFF:
        advice = (
            'Convert it with "gdal_translate -b 1 -b 2 -b 3 -ot Byte IN.tif '
            'OUT.tif" (add -scale for 16-bit data).'
        )
    kinds = ', '.join(sorted(set(header.dtypes)))
    return RasterError(
        f'image has {count} band(s) of {kinds}, not 8-bit RGB', advice
    )


def _rotated(found: str) -> RasterError:
    return RasterError(
        f'image is turned while it is loaded ({found}) and would leave its '
        'mask',
        'Store it upright, without an orientation tag.',
    )
