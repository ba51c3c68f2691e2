"""Virtual rasters: a text that tells GDAL which files a raster is made of."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from affine import Affine
from rasterio.crs import CRS


class Tile(NamedTuple):
    """A file and the place of its upper left pixel in the whole."""

    file: str
    x: int
    y: int
    width: int
    height: int
    mask: str | None = None  # a file of its own that says where it has data


class Band(NamedTuple):
    """A band of the whole, and which one of the files it is."""

    number: int  # from 1
    colour: str = 'undefined'  # rasterio's name of what it shows
    replace: str | None = None  # values by others, such as '0:0,1:255'
    palette: Sequence[tuple[int, int, int, int]] = ()  # a colour per value
    scale: float | None = None  # what a value is multiplied with


class Grid(NamedTuple):
    """Where pixels are and what they hold; ``nodata`` is none at all."""

    dtype: str
    nodata: float | None
    crs: CRS | None
    transform: Affine  # of the upper left pixel


def write_vrt(
    grid: Grid,
    tiles: Sequence[Tile],
    bands: Sequence[Band],
    masked: bool = False,
    tags: Mapping[str, object] | None = None,
) -> str:
    """Write the text of a raster, which ``rasterio.open`` takes for a file.

    Where files overlap, the later one counts, but for its nodata value or
    what it masks. With ``masked`` the whole has a mask, too: that of the
    files, and nothing between them.
    """
    width = max(tile.x + tile.width for tile in tiles)
    height = max(tile.y + tile.height for tile in tiles)
    size = dict(rasterXSize=str(width), rasterYSize=str(height))
    root = Element('VRTDataset', size)
    if grid.crs:
        place = _add(root, 'SRS', grid.crs.to_wkt())
        place.set('dataAxisToSRSAxisMapping', '1,2')
    if grid.transform != Affine.identity():
        numbers = map(repr, grid.transform.to_gdal())
        _add(root, 'GeoTransform', ', '.join(numbers))
    notes = _add(root, 'Metadata')
    for key, value in (tags or {}).items():
        _add(notes, 'MDI', value, key=key)
    # 'uint8', 'uint16' and 'float32' have other names here.
    kind = grid.dtype.title().replace('Uint', 'UInt')
    kind = kind.replace('UInt8', 'Byte')
    for number, band in enumerate(bands, 1):
        part = _add(root, 'VRTRasterBand', dataType=kind, band=number)
        _add(part, 'ColorInterp', band.colour.title())
        if grid.nodata is not None:
            _add(part, 'NoDataValue', grid.nodata)
        if band.scale:
            _add(part, 'Scale', band.scale)
        if band.palette:
            table = _add(part, 'ColorTable')
            for colour in band.palette:
                parts = {f'c{n}': value for n, value in enumerate(colour, 1)}
                _add(table, 'Entry', **parts)
        for tile in tiles:
            source = _add_source(part, tile, band.number)
            if grid.nodata is not None:
                _add(source, 'NODATA', grid.nodata)
            else:
                _add(source, 'UseMaskBand', 'true')
            if band.replace:
                _add(source, 'LUT', band.replace)
    if masked:
        part = _add(_add(root, 'MaskBand'), 'VRTRasterBand', dataType='Byte')
        for tile in tiles:
            own = tile._replace(file=tile.mask or tile.file)
            source = _add_source(part, own, 1 if tile.mask else 'mask,1')
            _add(source, 'NODATA', 0)
    return tostring(root, encoding='unicode')


def _add(parent: Element, name: str, text: object = '', **about) -> Element:
    element = SubElement(parent, name, {k: str(v) for k, v in about.items()})
    element.text = str(text)
    return element


def _add_source(part: Element, tile: Tile, band: int | str) -> Element:
    size = dict(xSize=tile.width, ySize=tile.height)
    source = _add(part, 'ComplexSource')
    _add(source, 'SourceFilename', tile.file, relativeToVRT=0)
    _add(source, 'SourceBand', band)
    _add(source, 'SrcRect', xOff=0, yOff=0, **size)
    _add(source, 'DstRect', xOff=tile.x, yOff=tile.y, **size)
    # With these, a file is opened only when it is read.
    _add(
        source,
        'SourceProperties',
        RasterXSize=tile.width,
        RasterYSize=tile.height,
        DataType=part.get('dataType'),
    )
    return source
