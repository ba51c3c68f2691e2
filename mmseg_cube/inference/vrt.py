"""Virtual rasters: a text that tells GDAL which files a raster is made of."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

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
    shape: tuple[int, int] | None = None,
) -> str:
    """Write the text of a raster, which ``rasterio.open`` takes for a file.

    Where files overlap, the later one counts, but for its nodata value or
    what it masks. With ``masked`` the whole has a mask, too: that of the
    files, and nothing between them. Its shape is that around the files, if
    none is given.
    """
    right = max(tile.x + tile.width for tile in tiles)
    bottom = max(tile.y + tile.height for tile in tiles)
    height, width = shape or (bottom, right)
    notes = [
        _tag('MDI', escape(str(text)), key=key)
        for key, text in (tags or {}).items()
    ]
    parts = [_tag('Metadata', *notes)]
    if grid.crs:
        wkt = escape(grid.crs.to_wkt())
        parts.append(_tag('SRS', wkt, dataAxisToSRSAxisMapping='1,2'))
    if grid.transform != Affine.identity():
        numbers = map(repr, grid.transform.to_gdal())
        parts.append(_tag('GeoTransform', ', '.join(numbers)))
    # 'uint8', 'uint16' and 'float32' have other names here.
    kind = grid.dtype.title().replace('Uint', 'UInt')
    kind = kind.replace('UInt8', 'Byte')
    for number, band in enumerate(bands, 1):
        about = [_tag('ColorInterp', band.colour.title())]
        own = _tag('UseMaskBand', 'true')
        if grid.nodata is not None:
            about.append(_tag('NoDataValue', grid.nodata))
            own = _tag('NODATA', grid.nodata)
        if band.scale:
            about.append(_tag('Scale', band.scale))
        if band.palette:
            table = [
                _tag('Entry', c1=r, c2=g, c3=b, c4=a)
                for r, g, b, a in band.palette
            ]
            about.append(_tag('ColorTable', *table))
        if band.replace:
            own += _tag('LUT', band.replace)
        about += [_source(tile, band.number, kind, own) for tile in tiles]
        parts.append(_tag('VRTRasterBand', *about, dataType=kind, band=number))
    if masked:
        own, masks = _tag('NODATA', 0), []
        for tile in tiles:
            which = 1 if tile.mask else 'mask,1'
            tile = tile._replace(file=tile.mask or tile.file)
            masks.append(_source(tile, which, 'Byte', own))
        whole = _tag('VRTRasterBand', *masks, dataType='Byte')
        parts.append(_tag('MaskBand', whole))
    return _tag('VRTDataset', *parts, rasterXSize=width, rasterYSize=height)


def _tag(name: str, *content: object, **about: object) -> str:
    about = ''.join(f' {k}={quoteattr(str(v))}' for k, v in about.items())
    return f'<{name}{about}>{"".join(map(str, content))}</{name}>'


def _source(tile: Tile, band: int | str, kind: str, more: str) -> str:
    size = dict(xSize=tile.width, ySize=tile.height)
    # With this, a file is opened only when it is read.
    about = dict(RasterXSize=tile.width, RasterYSize=tile.height)
    return _tag(
        'ComplexSource',
        _tag('SourceFilename', escape(tile.file), relativeToVRT=0),
        _tag('SourceBand', band),
        _tag('SrcRect', xOff=0, yOff=0, **size),
        _tag('DstRect', xOff=tile.x, yOff=tile.y, **size),
        _tag('SourceProperties', DataType=kind, **about),
        more,
    )
