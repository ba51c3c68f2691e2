"""Trained networks as files that run without this package."""

from mmseg_cube.deploy.export import (
    TOLERANCE,
    ParityError,
    describe,
    export_segmentor,
)
from mmseg_cube.deploy.formats import FORMATS
from mmseg_cube.deploy.segmentor import ExportableSegmentor

__all__ = [
    'FORMATS',
    'TOLERANCE',
    'ExportableSegmentor',
    'ParityError',
    'describe',
    'export_segmentor',
]
