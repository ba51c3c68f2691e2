"""A raster at another resolution than it is stored."""

from affine import Affine
from rasterio import DatasetReader
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.ground import crs_of, pixel_size
from mmseg_cube.datasets.rasters import Header
from mmseg_cube.inference.mosaic import one_nodata

LARGEST = 2**24  # side in pixels


def resample(dataset: DatasetReader, resolution: float) -> WarpedVRT:
    """Show a raster with pixels of so many metres, on its own axes.

    Raises:
        RasterError: If its pixels have no size, or become too many.
    """
    if not crs_of(dataset):
        raise RasterError(
            'has no georeference, so its pixels have no size in metres',
            'Leave out --resolution.',
        )
    sizes = pixel_size(dataset).tolist()
    shape = dataset.width, dataset.height
    width, height = (
        max(round(n * size / resolution), 1)
        for n, size in zip(shape, sizes, strict=True)
    )
    if max(width, height) > LARGEST:
        raise RasterError(
            f'has pixels of {sizes[0]:.3g} m: at {resolution:g} m they would '
            f'be {width} x {height}',
            'Choose a larger --resolution.',
        )
    grow = Affine.scale(dataset.width / width, dataset.height / height)
    smaller = resolution > max(sizes)
    header = Header.of(dataset)
    return WarpedVRT(
        dataset,
        crs=dataset.crs,
        transform=dataset.transform * grow,
        width=width,
        height=height,
        resampling=Resampling.average if smaller else Resampling.bilinear,
        # So that a mask goes along.
        add_alpha=header.masked and one_nodata(dataset, None) is None,
        UNIFIED_SRC_NODATA='YES',
    )
