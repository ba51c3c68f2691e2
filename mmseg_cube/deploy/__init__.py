"""Trained networks as files that run without this package."""

from mmseg_cube.deploy.export import ParityError, describe, export_segmentor
from mmseg_cube.deploy.segmentor import ExportableSegmentor

__all__ = [
    'ExportableSegmentor',
    'ParityError',
    'describe',
    'export_segmentor',
]
