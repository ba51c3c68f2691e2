"""From rasters of probabilities to a file of polygons, and how it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.inference.outputs import STYLES
from mmseg_cube.inference.polygon_picture import OutlinePicture
from mmseg_cube.inference.polygons import (
    PolygonOptions,
    Probabilities,
    polygons,
)
from mmseg_cube.inference.probability import crs_of_all
from mmseg_cube.inference.vector_files import LAYER, vector_file
from mmseg_cube.version import __version__


def write_footprints(
    path: Path,
    rasters: Sequence[Probabilities],
    options: PolygonOptions,
    picture: OutlinePicture | None = None,
) -> tuple[int, float]:
    """Write the buildings of rasters as polygons, and draw them.

    A GeoPackage also gets a layer ``run`` of one row, with all options and
    what the rasters say of themselves, and one that tells QGIS how to draw.

    Returns:
        How many there are, and their area.

    Raises:
        ValueError: If a raster, or what is asked for, cannot be used.
    """
    crs, count, area = crs_of_all(rasters, options.crs), 0, 0
    with vector_file(path, crs) as add:
        for raster in rasters:
            with errors_of(raster.source):
                for batch in polygons(raster, options):
                    add(batch.polygons, batch.fields)
                    if picture:
                        picture.add(batch.pixels)
                    count += len(batch.polygons)
                    area += batch.fields[f'area_{"m" if crs else "px"}2'].sum()
        add(None, _describe(rasters, options), 'run')
        add(None, _style(), 'layer_styles')
    return count, float(area)


def _describe(
    rasters: Sequence[Probabilities], options: PolygonOptions
) -> Mapping[str, np.ndarray]:
    """Return the fields of the layer ``run``."""
    row = dict(software=f'mmseg_cube {__version__}')
    row['sources'] = ', '.join(raster.source for raster in rasters)
    for name in ('image', 'network'):
        said = {raster.about.get(name) for raster in rasters} - {None}
        row[name] = ', '.join(sorted(said))
    return _row(row | asdict(options) | dict(crs=str(options.crs or '')))


def _style() -> Mapping[str, np.ndarray]:
    """Return the fields of a table that QGIS itself writes such."""
    texts = 'f_table_catalog', 'f_table_schema', 'styleSLD', 'description'
    return _row(
        dict.fromkeys((*texts, 'owner', 'ui'), '')
        | dict(f_table_name=LAYER, f_geometry_column='geom', styleName=LAYER)
        | dict(styleQML=(STYLES / 'polygons.qml').read_text('utf-8'))
        | dict(useAsDefault=True, update_time=np.datetime64('now'))
    )


def _row(row: Mapping[str, object]) -> Mapping[str, np.ndarray]:
    return {
        name: np.array([x], object if isinstance(x, str) else None)
        for name, x in row.items()
    }
