"""Trained networks as files that run without this package."""

from mmseg_cube.deploy.export import ExportError, describe, export_segmentor
from mmseg_cube.deploy.segmentor import ExportableSegmentor

__all__ = [
    'ExportError',
    'ExportableSegmentor',
    'describe',
    'export_segmentor',
]
