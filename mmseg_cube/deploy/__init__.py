"""Trained networks as files: for other programs, or packed for this one."""

from mmseg_cube.deploy.export import ExportError, describe, export_segmentor
from mmseg_cube.deploy.pack import pack_network
from mmseg_cube.deploy.segmentor import ExportableSegmentor

__all__ = [
    'ExportError',
    'ExportableSegmentor',
    'describe',
    'export_segmentor',
    'pack_network',
]
